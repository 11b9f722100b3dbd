"""Approval of runs: who may, once, in time; and nothing starts without."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from runner.store import approvals, claims, order, verdicts
from runner.store.connection import connect
from tests.api import TEMPLATE
from tests.waiting import wait_until

DEPLOY = "/api/v1/templates/deploy"
RUNS = f"{DEPLOY}/runs"


@pytest.fixture
def declare(client):
    """Declare the template deploy, whose runs want approval."""

    def declare_it(**approval) -> None:
        client.put(DEPLOY, json={**TEMPLATE, "approval": approval})

    return declare_it


@pytest.fixture
def ada(caller):
    return caller("run", "stop", name="ada")


@pytest.fixture
def bob(caller):
    return caller("approve", "read", name="bob")


def trigger(by):
    made = by.post(RUNS, json={"reason": "release"})
    assert made.status_code == 202, made.json
    return made.json


def path(run, verb="") -> str:
    return f"/api/v1/runs/{run['id']}{verb and '/'}{verb}"


def claimable(conn) -> list[int]:
    return [run.id for run in order.ready(conn, older_than=-1)]


def test_a_run_waits_until_it_is_approved_of(client, conn, declare, ada, bob, redis):
    declare()
    run = trigger(ada)
    assert (run["state"], run["approval"]["state"]) == ("queued", "wanted")
    waiting = client.get(path(run)).json["waiting"]
    assert waiting["reason"] == "approval"
    assert "the right approve over deploy" in waiting["message"]
    assert claimable(conn) == []
    assert not redis.llen("rq:queue:curtain-runs")

    approved = bob.post(path(run, "approve"), json={"reason": "looks good"})

    assert approved.status_code == 200
    assert (approved.json["approval"]["state"], approved.json["approval"]["by"]) == ("given", "bob")
    assert claimable(conn) == [run["id"]]
    assert redis.llen("rq:queue:curtain-runs") == 1
    kinds = [event["kind"] for event in client.get(path(run, "events")).json["events"]]
    assert kinds == ["queued", "approval", "approved"]
    [entry] = client.get("/api/v1/audit?action=run.approve").json["entries"]
    assert (entry["actor"], entry["detail"]) == ("bob", {"reason": "looks good"})
    again = bob.post(path(run, "approve"))
    assert (again.status_code, again.json["run"]["id"]) == (409, run["id"])


def test_no_claim_finds_it_before(conn, declare, ada):
    declare()
    run = trigger(ada)
    place = {"runner": "r", "machine": "m", "boot": "b"}

    assert claims.claim(conn, run["id"], **place, token=uuid4(), lease=60) is None


def test_what_is_denied_never_starts(client, declare, ada, bob):
    declare()
    run = trigger(ada)

    denied = bob.post(path(run, "deny"), json={"reason": "not on a Friday"}).json

    assert (denied["state"], denied["stop"]["by"]) == ("stopped", "bob")
    assert denied["message"].endswith("denied: not on a Friday")
    assert bob.post(path(run, "approve")).status_code == 409


def test_what_was_approved_of_meanwhile_is_not_denied(
    client, conn, database_url, declare, ada, bob
):
    """Who may only approve would stop a run that has started."""
    declare()
    run = trigger(ada)
    with connect(database_url) as approver, ThreadPoolExecutor(1) as pool:
        approver.execute("BEGIN")
        approvals.approve(approver, run["id"], by="carol", reason=None)
        denying = pool.submit(bob.post, path(run, "deny"))
        wait_until(lambda: waits_for_a_lock(conn))
        approver.execute("COMMIT")
        denied = denying.result()

    assert denied.status_code == 409
    assert denied.json["detail"] == f"carol has approved of run {run['id']} already"
    assert claimable(conn) == [run["id"]]
    assert client.get("/api/v1/audit?action=run.deny").json["entries"] == []


def waits_for_a_lock(conn):
    return conn.execute(
        """SELECT 1 FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    ).fetchone()


def test_nobody_approves_of_their_own_unless_the_template_says_so(client, declare, caller):
    both = caller("run", "approve", name="ada")
    declare()
    run = trigger(both)

    refused = both.post(path(run, "approve"))

    assert refused.status_code == 409
    assert "ada has triggered it" in refused.json["detail"]
    assert both.post(path(run, "deny")).status_code == 200
    declare(own=True)
    assert both.post(path(trigger(both), "approve")).status_code == 200


def test_rights_are_needed_those_of_the_template_too(client, declare, ada, bob, caller):
    declare(rights=["approve", "kill"])
    run = trigger(ada)

    for somebody, right in ((ada, "approve"), (bob, "kill")):
        refused = somebody.post(path(run, "approve"))
        assert (refused.status_code, refused.json["right"]) == (403, right)
    elsewhere = caller("approve", "kill", name="eve", templates=("other-*",))
    assert elsewhere.post(path(run, "approve")).status_code == 404
    assert caller("approve", "kill", name="carol").post(path(run, "approve")).status_code == 200


def test_what_nobody_approves_of_in_time_fails(client, conn, declare, ada, bob):
    declare(timeout=60)
    run = trigger(ada)
    conn.execute("UPDATE runs SET approval_expires_at = now() - interval '1 second'")

    assert bob.post(path(run, "approve")).status_code == 409
    verdicts.expire(conn, actor="w")

    ended = client.get(path(run)).json
    assert (ended["state"], ended["message"]) == ("failed", "nobody approved of it in time")


def test_its_time_in_the_queue_begins_with_the_approval(client, conn, declare, ada, bob):
    client.put(DEPLOY, json={**TEMPLATE, "approval": {}, "queue_timeout": 60})
    run = trigger(ada)
    conn.execute("UPDATE runs SET queue_expires_at = now() - interval '1 second'")
    assert verdicts.expire(conn, actor="w") == []

    bob.post(path(run, "approve"))

    assert verdicts.expire(conn, actor="w") == []
    assert claimable(conn) == [run["id"]]


def test_what_wants_no_approval_cannot_be_approved_of(client, template, bob):
    run = client.post(RUNS).json

    refused = bob.post(path(run, "approve"))

    assert refused.status_code == 409
    assert refused.json["detail"] == f"nobody need approve of run {run['id']}"


def test_whoever_waits_for_approval_holds_nobody_up(client, conn, ada, bob):
    group = {"concurrency": {"group": "prod"}}
    client.put(DEPLOY, json={**TEMPLATE, "approval": {}, **group})
    client.put("/api/v1/templates/free", json={**TEMPLATE, **group})
    trigger(ada)

    free = client.post("/api/v1/templates/free/runs").json

    assert claimable(conn) == [free["id"]]


def test_a_rerun_wants_approval_again(client, conn, declare, ada, bob):
    declare()
    run = trigger(ada)
    bob.post(path(run, "approve"))
    client.post(path(run, "stop"))

    again = ada.post(path(run, "rerun"))

    assert again.status_code == 202
    assert again.json["approval"]["state"] == "wanted"


@pytest.mark.parametrize("when_busy", ["coalesce", "replace"])
def test_none_gives_its_place_before_it_is_approved_of(client, conn, ada, bob, when_busy):
    group = {"concurrency": {"group": "prod", "when_busy": when_busy}}
    client.put(DEPLOY, json={**TEMPLATE, **group})
    running = trigger(ada)
    place = {"runner": "r", "machine": "m", "boot": "b"}
    assert claims.claim(conn, running["id"], **place, token=uuid4(), lease=60)
    client.put(DEPLOY, json={**TEMPLATE, "concurrency": {"group": "prod"}})
    waits = trigger(ada)
    client.put(DEPLOY, json={**TEMPLATE, **group, "approval": {}})

    run = trigger(ada)

    assert client.get(path(running)).json["stop"] is None
    assert client.get(path(waits)).json["state"] == "queued"
    assert bob.post(path(run, "approve")).status_code == 200
    is_asked = client.get(path(running)).json["stop"] is not None
    assert is_asked == (when_busy == "replace")
    assert client.get(path(waits)).json["message"] == f"run {run['id']} took its place"
    noted = client.get("/api/v1/audit?action=run.supersede").json["entries"]
    assert [entry["detail"]["superseded_by"] for entry in noted] == [run["id"]]


def test_a_rerun_as_it_was_wants_the_approval_of_now(client, conn, ada):
    client.put(DEPLOY, json=TEMPLATE)
    old = trigger(ada)
    client.post(path(old, "stop"))
    client.put(DEPLOY, json={**TEMPLATE, "approval": {}})

    again = ada.post(path(old, "rerun"), json={"at": "same"})

    assert again.status_code == 202, again.json
    assert again.json["approval"]["state"] == "wanted"
    assert claimable(conn) == []
