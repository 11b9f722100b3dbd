"""What the door answers to those who are believed."""

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api import NO_REDIS
from tests.hooks.signing import deliver, payload
from tests.integration.api.hooks.pushed import HOOK, PUSH, runs_of


def test_a_push_is_answered_with_the_queued_run(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook(vars={"count": {"value": 3}})

    response = deliver(stranger, payload(PUSH))

    assert response.status_code == 202
    assert response.json is not None
    [run_id] = response.json["runs"]
    run = client.get(f"/api/v1/runs/{run_id}").json
    assert run is not None
    assert (run["state"], run["trigger"], run["triggered_by"]) == ("queued", "hook", "hook site")
    assert run["reason"] == "push of 199eddf46df5 to master by Codertocat: Update README"
    assert run["vars"] == {"count": 3}
    assert run["hook"] == {
        "name": "site",
        "sender": "github",
        "delivery": "1",
        "event": "push",
        "ref": "refs/heads/master",
        "sha": "199eddf46df50de8d02e99bf1c5fdb4101338224",
        "actor": "Codertocat",
        "repository": "Codertocat/Hello-World",
    }


def test_what_is_not_acted_on_is_told_why(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook(branches=["main", "release/*"])

    response = deliver(stranger, payload(PUSH))

    assert response.status_code == 200
    assert response.json is not None
    assert response.json["runs"] == []
    assert response.json["why"] == "branch master not in main, release/*"
    assert runs_of(client) == []
    [delivery] = client.get(f"{HOOK}/deliveries").json["deliveries"]  # type: ignore[index]
    assert (delivery["decision"], delivery["why"]) == ("ignored", response.json["why"])


@pytest.mark.parametrize(
    ("content", "kind", "why"),
    [
        ("github/push_branch_delete", "push", "refs/heads/feature-branch was deleted"),
        ("github/push_tag", "push", "event tag not in push"),
        ("github/pull_request_closed", "pull_request", "event pull_request not in push"),
        ("github/push_branch", "issues", "event issues not in push"),
    ],
)
def test_other_events_run_nothing(
    client: FlaskClient,
    hook: Callable[..., Any],
    stranger: FlaskClient,
    content: str,
    kind: str,
    why: str,
) -> None:
    hook(branches=[])

    response = deliver(stranger, payload(content), event=kind)

    assert response.status_code == 200
    assert response.json is not None
    assert (response.json["runs"], response.json["why"]) == ([], why)
    assert runs_of(client) == []


def test_a_ping_is_answered_and_nothing_is_noted(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook()

    response = deliver(stranger, payload("github/ping"), event="ping")

    assert response.status_code == 200
    assert response.json is not None
    assert (response.json["runs"], response.json["why"]) == ([], "a ping")
    assert client.get(f"{HOOK}/deliveries").json["deliveries"] == []  # type: ignore[index]


def test_a_delivery_that_comes_again_runs_nothing_twice(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook()
    first = deliver(stranger, payload(PUSH), delivery="abc")

    again = deliver(stranger, payload(PUSH), delivery="abc")

    assert again.status_code == 200
    assert first.json is not None
    assert again.json is not None
    assert again.json["runs"] == first.json["runs"]
    assert again.json["why"] == "it came before"
    assert len(runs_of(client)) == 1
    [delivery] = client.get(f"{HOOK}/deliveries").json["deliveries"]  # type: ignore[index]
    assert (delivery["decision"], delivery["times"]) == ("queued", 2)


def test_one_that_ran_nothing_is_decided_anew(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook(branches=["main"])
    assert deliver(stranger, payload(PUSH), delivery="abc").status_code == 200
    hook(branches=["master"])

    assert deliver(stranger, payload(PUSH), delivery="abc").status_code == 202
    assert len(runs_of(client)) == 1


def test_a_sender_that_changes_its_content_under_an_old_number_runs_nothing(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook()
    deliver(stranger, payload(PUSH), delivery="abc")
    other = {**payload(PUSH), "before": "0" * 40}

    assert deliver(stranger, other, delivery="abc").json["why"] == "it came before"  # type: ignore[index]
    assert len(runs_of(client)) == 1


def test_with_redis_away_the_run_is_there_all_the_same(
    make_client: Callable[..., FlaskClient], client: FlaskClient, hook: Callable[..., Any]
) -> None:
    hook()

    response = deliver(make_client(redis_url=NO_REDIS), payload(PUSH))

    assert response.status_code == 202
    assert [run["state"] for run in runs_of(client)] == ["queued"]


def test_with_redis_frozen_senders_are_answered_in_time(
    client: FlaskClient,
    hook: Callable[..., Any],
    make_client: Callable[..., FlaskClient],
) -> None:
    hook()
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # connects, and answers nothing
        away = make_client(redis_url=f"redis://127.0.0.1:{frozen.getsockname()[1]}")
        began = time.monotonic()
        response = deliver(away, payload(PUSH))
        took = time.monotonic() - began

    assert response.status_code == 202
    assert took < 8  # seconds; some 2, and it was 12
    assert [run["state"] for run in runs_of(client)] == ["queued"]
