"""Approval over a chat: who may, what is said to all, and what it brings about."""

import pytest

from runner.store import order
from tests.api import TEMPLATE
from tests.integration.api.test_api_chat import BOB, HOOK, SECRET, app, noted, say

__all__ = ["app", "say"]  # fixtures

ALICE = {**BOB, "user_id": "U2", "user_name": "alice"}
PEOPLE = [
    {"users": ["U1"], "rights": ["read", "run"]},
    {"users": ["U2"], "rights": ["read", "run", "approve"]},
]


@pytest.fixture
def hook(client):
    """A hook of Slack's, of people of whom one may approve."""
    body = {"sender": "slack", "secret": SECRET, "people": PEOPLE}
    assert client.put(HOOK, json=body).status_code == 201


@pytest.fixture
def template(client):
    """A template whose runs want approval, one at a time."""
    body = {
        **TEMPLATE,
        "approval": {},
        "concurrency": {"group": "prod", "when_busy": "coalesce"},
    }
    client.put("/api/v1/templates/deploy", json=body)


@pytest.fixture
def run_of(client, template, hook, say):
    """Have somebody trigger a run."""

    def of(who):
        said = say("run deploy", **who)
        assert "is queued" in said
        return client.get("/api/v1/runs").json["runs"][0]["id"]

    return of


def find(client, run):
    return client.get(f"/api/v1/runs/{run}").json


def test_somebody_else_approves_and_all_are_told(client, conn, run_of, say, redis):
    run = run_of(BOB)
    assert order.ready(conn, older_than=-1) == []

    said = say(f"approve {run} looks good", **ALICE)

    assert (
        said == f"in_channel: Run {run} of deploy is approved of by slack U2 (alice) by hook ops."
    )
    assert find(client, run)["approval"]["by"] == "slack U2 (alice) by hook ops"
    assert [each.id for each in order.ready(conn, older_than=-1)] == [run]
    assert redis.llen("rq:queue:curtain-runs") == 1
    [entry] = client.get("/api/v1/audit?action=run.approve").json["entries"]
    assert entry["detail"] == {"reason": "looks good"}
    assert "has approved of run" in say(f"approve {run}", **ALICE)


def test_whoever_may_not_or_has_triggered_it_is_told_so(client, run_of, say):
    run, own = run_of(BOB), run_of(ALICE)

    assert "you may not approve of runs of 'deploy' here" in say(f"approve {run}", **BOB)
    assert noted(client)[0]["decision"] == "denied"
    assert "Somebody else must approve of run" in say(f"approve {own}", **ALICE)
    assert {find(client, each)["approval"]["state"] for each in (run, own)} == {"wanted"}


def test_what_is_denied_is_stopped_and_all_are_told(client, run_of, say):
    run = run_of(BOB)

    said = say(f"deny {run} not on a Friday", **ALICE)

    assert said == f"in_channel: Run {run} of deploy is denied by slack U2 (alice) by hook ops."
    assert find(client, run)["state"] == "stopped"
    assert "is stopped already" in say(f"approve {run}", **ALICE)


def test_what_is_approved_of_takes_the_place_of_older_ones(client, run_of, say):
    older, newer = run_of(BOB), run_of(BOB)
    assert find(client, older)["state"] == "queued"

    say(f"approve {newer}", **ALICE)

    assert find(client, older)["message"] == f"run {newer} took its place"
    [entry] = client.get("/api/v1/audit?action=run.supersede").json["entries"]
    assert entry["target"] == f"run {older}"
