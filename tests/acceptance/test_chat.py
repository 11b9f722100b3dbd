"""A chat from end to end: a command starts a run, the run is told of, a button stops it."""

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode

import pytest

from runner import family
from runner.store import runs
from tests import playbooks
from tests.formation import Formation
from tests.notifications.target import Target, open_target
from tests.repositories import make_repository
from tests.runners import LOCAL
from tests.waiting import wait_until

TOKEN = "the-token-that-mattermost-gave"
ADA = {"user_id": "ada1", "user_name": "ada", "team_id": "team1", "channel_id": "channel1"}


@pytest.fixture
def chat() -> Iterator[Target]:
    """Mattermost, which takes later answers."""
    with open_target() as target:
        yield target


def send(port: int, body: bytes, media_type: str) -> Any:
    """Call the hook as Mattermost does."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("POST", "/hooks/ops", body, {"Content-Type": media_type})
        answer = connection.getresponse()
        assert answer.status == 200
        return json.loads(answer.read())
    finally:
        connection.close()


def test_a_run_is_started_told_of_and_stopped_from_a_chat(
    formation: Formation, chat: Target, conn: Any, tmp_path: Any
) -> None:
    formation.choose_port()
    public = f"http://127.0.0.1:{formation.port}"
    client = formation.start_web(CURTAIN_URL=public)
    formation.start_runner(CURTAIN_URL=public, CURTAIN_NOTIFY_PRIVATE="127.0.0.1")
    repository = make_repository(tmp_path / "repository", {"site.yml": playbooks.SLEEPING})
    template = {
        "playbook": {"repository": repository.url, "ref": "main", "path": "site.yml"},
        "inventory": {"content": LOCAL},
        "grace": 2,
    }
    assert client.call("PUT", "/templates/deploy", template).status == 201
    people = [{"users": ["ada1"], "channels": ["channel1"], "rights": ["read", "run", "stop"]}]
    hook = {"sender": "mattermost", "secret": TOKEN, "server": chat.url, "people": people}
    assert client.call("PUT", "/hooks/ops", hook).status == 201

    command = {**ADA, "token": TOKEN, "command": "/curtain", "text": "run deploy"}
    told = {"trigger_id": "t1", "response_url": f"{chat.url}/hooks/commands/x"}
    said = send(
        formation.port, urlencode(command | told).encode(), "application/x-www-form-urlencoded"
    )

    assert said["response_type"] == "ephemeral"
    run_id = client.call("GET", "/runs").json["runs"][0]["id"]
    started = heard(chat, f"run {run_id} has started")
    assert living(conn, run_id)
    [stop] = started["attachments"][0]["actions"]
    press = {**ADA, "post_id": "p1", "context": stop["integration"]["context"]}
    assert stop["integration"]["url"] == f"{public}/hooks/ops"
    pressed = send(formation.port, json.dumps(press).encode(), "application/json")

    assert f"Run {run_id} is stopping" in json.dumps(pressed)
    ended = heard(chat, f"run {run_id} was stopped")
    run = client.call("GET", f"/runs/{run_id}").json
    assert (run["state"], run["trigger"]) == ("stopped", "chat")
    assert run["stop"]["by"] == "mattermost ada1 (ada) by hook ops"
    assert ended["attachments"][0]["actions"][0]["integration"]["context"]["words"] == (
        f"rerun {run_id}"
    )
    assert living(conn, run_id) == []


def heard(chat: Target, words: str) -> Any:
    """Wait until the chat has heard these words."""
    found: Callable[[], list[Any]] = lambda: [  # noqa: E731 - waited for
        each.json for each in list(chat.heard) if words in each.json["text"].replace("\\", "")
    ]
    wait_until(found)
    return found()[0]


def living(conn: Any, run_id: int) -> list[Any]:
    """The processes of a run, by a look at the machine."""
    return family.find(runs.installation(conn)).get(run_id, [])
