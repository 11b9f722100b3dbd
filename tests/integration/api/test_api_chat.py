"""Chat over HTTP: who may do what, what is answered, and what is noted of it."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from slack_sdk.signature import SignatureVerifier

from app.chat import in_time
from app.factory import create_app
from app.services import services_of
from runner.run import Run
from runner.settings import Settings
from runner.store import runs
from runner.store.connection import Connection
from runner.vault import Vault
from tests.api import TEMPLATE

HOOK = "/api/v1/hooks/ops"
SECRET = "a-signing-secret-of-the-tests"
NOW = 1_775_000_000
BOB = {"user_id": "U1", "user_name": "bob", "team_id": "T1", "channel_id": "C1"}
PEOPLE = [
    {
        "users": ["U1"],
        "workspace": "T1",
        "channels": ["C1"],
        "rights": ["read", "run", "stop"],
        "templates": ["deploy*"],
    },
    {"users": ["*"], "channels": ["C1"], "rights": ["read"], "templates": ["deploy"]},
]


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """The application when our signatures are new, and without haste."""
    monkeypatch.setattr(in_time, "PATIENCE", 60.0)
    app = create_app(settings, clock=lambda: float(NOW))
    yield app
    services_of(app).close()


@pytest.fixture
def hook(client: FlaskClient, template: str) -> None:
    """A hook of Slack's."""
    body = {"sender": "slack", "secret": SECRET, "people": PEOPLE}
    response = client.put(HOOK, json=body)
    assert response.status_code == 201, response.text


@pytest.fixture
def say(app: Flask, hook: None) -> Callable[..., str]:
    """Type something in Slack; tells what is answered, which only the one who typed sees."""
    numbers = iter(range(1000))

    def typed(text: str, **changes: str) -> str:
        fields = {
            **BOB,
            "command": "/curtain",
            "text": text,
            "trigger_id": f"trigger-{next(numbers)}",
            "response_url": "https://hooks.slack.com/commands/T1/1/x",
            **changes,
        }
        answer = post(app.test_client(), urlencode(fields).encode())
        assert answer.status_code == 200
        assert answer.json is not None
        return f"{answer.json['response_type']}: {answer.json['text']}"

    return typed


def post(client: FlaskClient, body: bytes, timestamp: int = NOW) -> Any:
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=str(timestamp), body=body)
    return client.post(
        "/hooks/ops",
        data=body,
        headers={
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": str(timestamp),
            "X-Slack-Signature": signature or "",
        },
    )


def all_runs(client: FlaskClient) -> list[Any]:
    response = client.get("/api/v1/runs")
    assert response.json is not None
    return response.json["runs"]


def noted(client: FlaskClient) -> list[Any]:
    response = client.get(f"{HOOK}/deliveries")
    assert response.json is not None
    return response.json["deliveries"]


def test_a_run_is_triggered_with_what_was_typed(
    client: FlaskClient, say: Callable[..., str]
) -> None:
    said = say('run deploy version=1.2 count=3 limit=web reason="release day"')

    [run] = all_runs(client)
    assert said == f"ephemeral: Run {run['id']} of deploy is queued."
    assert (run["trigger"], run["triggered_by"]) == ("chat", "slack U1 (bob) by hook ops")
    assert run["vars"] == {"version": "1.2", "count": 3}
    assert run["options"]["limit"] == "web"
    assert run["reason"] == "release day"
    [delivery] = noted(client)
    assert (delivery["decision"], delivery["run_id"]) == ("queued", run["id"])


def test_a_secret_that_was_typed_is_noted_nowhere(
    client: FlaskClient, say: Callable[..., str], conn: Connection
) -> None:
    say("run deploy password=hunter2")

    for table in ("runs", "deliveries", "run_events", "hooks"):
        row = conn.execute(f"SELECT string_agg({table}::text, '') AS text FROM {table}").fetchone()
        assert row is not None
        assert "hunter2" not in row["text"]
        assert SECRET not in row["text"]
        assert "hooks.slack.com" not in row["text"]


def test_where_a_run_is_answered_is_kept_sealed(
    client: FlaskClient, say: Callable[..., str], conn: Connection, settings: Settings
) -> None:
    say("run deploy")

    run = runs.find(conn, all_runs(client)[0]["id"])
    assert run is not None
    assert Vault(settings.secret_key).open(run.reply) == {
        "kind": "slack_response_url",
        "url": "https://hooks.slack.com/commands/T1/1/x",
    }


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1/x", "https://hooks.slack.com.evil/x", "https://hooks.slack.com@evil/"]
)
def test_an_answer_goes_nowhere_but_to_slack(
    client: FlaskClient, say: Callable[..., str], conn: Connection, url: str
) -> None:
    say("run deploy", response_url=url)

    run = runs.find(conn, all_runs(client)[0]["id"])
    assert run is not None
    assert run.reply is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", "What I understand:\nrun TEMPLATE key=value"),
        ("deploy", "I don't know 'deploy'. Try: help"),
        ("stop ../1", "'../1' is no number of a run. Write it as: stop ID"),
        ("stop 42; rm", "'42;' is no number of a run"),
        ("stop 999", "There is no run 999 that you may see here."),
        ("run nothing", "Sorry, you may not run 'nothing' here."),
        ("run deploy-other", "There is no template 'deploy-other'. Try: templates"),
        ("run deploy count=many", "Not queued: count must be an integer."),
        ("run deploy other=1", "Not queued: other is not accepted by this template."),
        ("run deploy ansible_connection=local", "Not queued: ansible_connection is not accepted"),
        ("run deploy limit=@/etc/passwd", "Not queued: limit must not name a file (@)"),
        ("run deploy verbosity=3", "Not queued: verbosity cannot be overridden"),
        ("templates", "deploy"),
        ("runs", "There are no runs."),
        ("status", "Nothing runs or waits."),
        ("tail 1", "There is no run 1 that you may see here."),
    ],
)
def test_what_cannot_be_done_is_said_in_private_and_runs_nothing(
    client: FlaskClient, say: Callable[..., str], text: str, answer: str
) -> None:
    assert say(text).startswith(f"ephemeral: {answer}")
    assert all_runs(client) == []


def test_a_run_is_found_behind_however_many_that_the_asker_may_not_see(
    client: FlaskClient, conn: Connection, say: Callable[..., str]
) -> None:
    say("run deploy")
    [run] = all_runs(client)
    conn.execute(
        """INSERT INTO runs (template, spec, accepted, overrides, trigger, triggered_by)
           SELECT 'hidden', spec, accepted, overrides, trigger, triggered_by
             FROM runs, generate_series(1, 300)"""
    )

    for words in ("status", "runs"):
        assert say(words).startswith(f"ephemeral: Run {run['id']} of deploy: queued"), words


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("ratio=NaN", "ratio is beyond a double"),
        ("ratio=1e999", "ratio is beyond a double"),
        ('items=["\\u0000"]', "items holds a NUL character"),
        ('items=["\\ud800"]', "items holds half of a surrogate pair"),
        (f"items={'[' * 300}{']' * 300}", "items is nested more than 100 deep"),
    ],
)
def test_a_value_that_cannot_be_kept_is_told_and_breaks_nothing(
    client: FlaskClient, say: Callable[..., str], value: str, why: str
) -> None:
    accepts = {"ratio": {"type": "number"}, "items": {"type": "list"}}
    client.put("/api/v1/templates/deploy", json={**TEMPLATE, "accepts": accepts})

    assert say(f"run deploy {value}") == f"ephemeral: Not queued: {why}."

    listed = client.get("/api/v1/runs").json
    assert listed is not None
    assert listed["runs"] == []


@pytest.mark.parametrize(
    "other",
    [
        {"user_id": "U2"},
        {"user_id": "U2", "user_name": "bob"},  # names change hands
        {"team_id": "T2"},  # somebody of another workspace, in a shared channel
        {"channel_id": "C2"},
    ],
)
def test_who_may_not_is_refused_politely_and_noted(
    client: FlaskClient, say: Callable[..., str], queued: Callable[[], Run], other: dict[str, str]
) -> None:
    run = queued()

    for text in ("run deploy", f"stop {run.id}"):
        assert say(text, **other).startswith("ephemeral: Sorry, ")
    assert [each["state"] for each in all_runs(client)] == ["queued"]
    denied = [each for each in noted(client) if each["decision"] == "denied"]
    assert len(denied) == 2
    assert denied[0]["event"]["user"] == other.get("user_id", "U1")
    assert denied[0]["why"].startswith("Sorry, ")


def test_a_run_that_one_may_not_see_is_not_there(
    client: FlaskClient, say: Callable[..., str], conn: Connection
) -> None:
    client.put("/api/v1/templates/secret", json=TEMPLATE)
    other = client.post("/api/v1/templates/secret/runs").json
    assert other is not None

    for verb in ("status", "tail", "stop", "rerun"):
        said = say(f"{verb} {other['id']}")
        assert said == f"ephemeral: There is no run {other['id']} that you may see here."
    assert say("runs") == "ephemeral: There are no runs."
    assert say("templates") == "ephemeral: deploy"


def test_a_queued_run_is_stopped_and_told_to_all(
    client: FlaskClient, say: Callable[..., str], queued: Callable[[], Run]
) -> None:
    run = queued()

    said = say(f"stop {run.id} it's the wrong one")

    assert said == f"in_channel: Run {run.id} is stopped; it had not started."
    shown = client.get(f"/api/v1/runs/{run.id}").json
    assert shown is not None
    assert shown["stop"]["by"] == "slack U1 (bob) by hook ops"
    assert shown["stop"]["reason"] == "it's the wrong one"
    assert "It cannot be stopped." in say(f"stop {run.id}")


def test_a_running_run_is_asked_to_stop_once_and_then_with_force(
    say: Callable[..., str], running: Callable[[], Run], conn: Connection
) -> None:
    run = running()

    assert say(f"stop {run.id}") == f"in_channel: Run {run.id} is stopping, with 10 s of grace."
    assert say(f"stop {run.id}") == f"ephemeral: Run {run.id} is stopping already."
    assert say(f"stop {run.id} force") == f"in_channel: Run {run.id} is stopping, at once."
    now = runs.find(conn, run.id)
    assert now is not None
    assert now.force_requested_by == "slack U1 (bob) by hook ops"


def test_a_final_run_is_repeated_and_one_that_is_not_is_not(
    client: FlaskClient,
    say: Callable[..., str],
    running: Callable[[], Run],
    finish: Callable[[Run], Run],
) -> None:
    run = running()
    assert "wait for its end, or stop it" in say(f"rerun {run.id}")
    finish(run)

    said = say(f"rerun {run.id}")

    newest = all_runs(client)[0]
    assert said == f"ephemeral: Run {newest['id']} repeats run {run.id}: queued."
    assert newest["rerun_of"] == run.id
    assert newest["triggered_by"] == "slack U1 (bob) by hook ops"
    assert "is not known" in say(f"rerun {run.id} failed")


def test_the_end_of_the_output_is_told(
    say: Callable[..., str],
    running: Callable[[], Run],
    write: Callable[[Run, int, bytes], None],
) -> None:
    run = running()
    write(run, 0, b"x" * 9000 + b"\nTASK [deploy]\n\x00\xff<!channel>\n")

    said = say(f"tail {run.id}")

    assert "TASK [deploy]" in said
    assert "<!channel>" not in said  # nothing that Slack would take for a mention
    assert len(said) < 3100


def test_a_command_that_comes_again_runs_nothing_twice(
    client: FlaskClient, say: Callable[..., str]
) -> None:
    say("run deploy", trigger_id="same")

    assert "That came before" in say("run deploy", trigger_id="same")
    assert len(all_runs(client)) == 1


def test_a_press_of_stop_stops_once_and_is_answered_where_slack_reads_it(
    app: Flask, client: FlaskClient, hook: None, running: Callable[[], Run], conn: Connection
) -> None:
    run = running()
    press = {
        "type": "block_actions",
        "user": {"id": "U1", "team_id": "T1", "username": "bob"},
        "team": {"id": "T1"},
        "channel": {"id": "C1"},
        "response_url": "https://hooks.slack.com/actions/T1/1/x",
        "actions": [{"type": "button", "action_id": "stop", "value": f"stop {run.id}"}],
    }

    for number in range(2):
        body = urlencode({"payload": json.dumps({**press, "trigger_id": str(number)})}).encode()
        answer = post(app.test_client(), body)
        assert (answer.status_code, answer.data) == (200, b"")

    kinds = [
        row["kind"]
        for row in conn.execute("SELECT kind FROM run_events WHERE run_id = %s", [run.id])
    ]
    assert kinds.count("stop_requested") == 1
    said = conn.execute("SELECT count(*) AS n FROM deliveries").fetchone()
    assert said == {"n": 2}


def test_what_slack_has_not_signed_lately_is_not_believed(
    app: Flask, client: FlaskClient, hook: None
) -> None:
    body = urlencode({**BOB, "command": "/curtain", "text": "run deploy"}).encode()

    for timestamp, status in ((NOW - 300, 200), (NOW - 301, 401), (NOW + 301, 401)):
        assert post(app.test_client(), body, timestamp).status_code == status
    assert len(all_runs(client)) == 1


def test_the_challenge_is_answered_after_the_signature_only(app: Flask, hook: None) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "abc"}).encode()
    kind = {"Content-Type": "application/json"}
    unsigned = app.test_client().post("/hooks/ops", data=body, headers=kind)
    signature = SignatureVerifier(SECRET).generate_signature(timestamp=str(NOW), body=body)
    signed = app.test_client().post(
        "/hooks/ops",
        data=body,
        headers={
            **kind,
            "X-Slack-Request-Timestamp": str(NOW),
            "X-Slack-Signature": signature or "",
        },
    )

    assert unsigned.status_code == 401
    assert (signed.status_code, b"abc" in signed.data) == (200, True)


def test_a_bot_with_the_token_says_the_same(client: FlaskClient, template: str) -> None:
    made = client.post("/api/v1/chat", json={"text": "run deploy version=1.2"})

    assert made.status_code == 202
    assert made.json is not None
    run_id = made.json["run"]
    assert made.json["text"] == f"Run {run_id} of deploy is queued."
    assert made.json["commands"] == [f"stop {run_id}"]
    stopped = client.post("/api/v1/chat", json={"text": f"stop {run_id}"})
    assert stopped.status_code == 202
    assert client.get(f"/api/v1/runs/{run_id}").json["state"] == "stopped"  # type: ignore[index]
    refused = client.post("/api/v1/chat", json={"text": "stop all"})
    assert refused.status_code == 422
    assert refused.json is not None
    assert refused.json["errors"][0]["message"].startswith("'all' is no number of a run")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"people": []}, "people"),
        ({"people": [{"users": [], "rights": ["run"]}]}, "people.0.users"),
        ({"people": [{"users": ["U1"], "rights": ["kill"]}]}, "people.0.rights.0"),
        ({"credential": "nothing"}, "credential"),
        ({"server": "https://chat.example"}, "the body"),  # Mattermost's
        ({"template": "deploy"}, "template"),  # people name it
    ],
)
def test_what_is_wrong_with_a_chats_hook_is_named(
    client: FlaskClient, template: str, change: dict[str, Any], field: str
) -> None:
    body = {"sender": "slack", "secret": SECRET, "people": PEOPLE, **change}

    response = client.put(HOOK, json=body)

    assert response.status_code == 422
    assert response.json is not None
    assert [error["field"] for error in response.json["errors"]] == [field]
