"""What the API says of order: groups, priorities, queues, maintenance and drained runners."""

import pytest
from flask.testing import FlaskClient

from app.services import services_of
from runner.machine import boot
from runner.store import runners
from tests.api import TEMPLATE

DEPLOY = "/api/v1/templates/deploy"
RUNS = f"{DEPLOY}/runs"


@pytest.fixture
def declare(client):
    """Declare the template deploy with a group."""

    def declare_it(**concurrency) -> None:
        group = {"group": "prod-{vars.version}", **concurrency}
        put = client.put(DEPLOY, json={**TEMPLATE, "concurrency": group})
        assert put.status_code in (200, 201), put.json

    return declare_it


@pytest.fixture
def there(conn):
    """A runner that is there, by its row."""
    place = {"machine": "m", "boot": boot(), "containment": "cgroup", "disks": {}}
    runners.beat(conn, "m.1", slots=3, busy=1, queues=("default", "dmz"), **place)
    return "m.1"


def trigger(client: FlaskClient, version="1", **more):
    return client.post(RUNS, json={"vars": {"version": version}, **more})


def test_a_run_tells_its_place(client, declare):
    declare()
    run = trigger(client).json

    assert (run["concurrency_group"], run["queue"], run["priority"]) == (
        "prod-1",
        "default",
        "normal",
    )
    assert run["not_before"] is None


def test_a_queued_run_says_behind_whom_it_waits(client, declare, there):
    declare(limit=1)
    first, second = trigger(client).json, trigger(client).json
    other = trigger(client, "2").json

    why = [client.get(f"/api/v1/runs/{run['id']}").json["waiting"] for run in (first, second)]

    assert (why[0]["reason"], why[0]["ahead"]) == ("slot", 0)
    assert (why[1]["reason"], why[1]["behind"], why[1]["ahead"]) == ("group", [first["id"]], 1)
    assert "'prod-1'" in why[1]["message"]
    assert client.get(f"/api/v1/runs/{other['id']}").json["waiting"]["reason"] == "slot"
    client.post(f"/api/v1/runs/{first['id']}/stop")
    assert client.get(f"/api/v1/runs/{first['id']}").json["waiting"] is None


def test_a_busy_group_that_rejects_names_who_is_there(client, declare):
    declare(when_busy="reject", limit=2)
    there = [trigger(client).json["id"], trigger(client).json["id"]]

    refused = trigger(client)

    assert refused.status_code == 409
    assert refused.content_type == "application/problem+json"
    assert refused.json["runs"] == there
    assert "'prod-1'" in refused.json["detail"]
    assert trigger(client, "2").status_code == 202
    assert len(client.get("/api/v1/runs").json["runs"]) == 3
    entries = client.get("/api/v1/audit?action=run.trigger").json["entries"]
    assert len(entries) == 3


def test_a_refused_key_may_be_used_again(client, declare):
    declare(when_busy="reject")
    first = trigger(client).json
    key = {"Idempotency-Key": "one"}
    body = {"vars": {"version": "1"}}
    assert client.post(RUNS, json=body, headers=key).status_code == 409
    client.post(f"/api/v1/runs/{first['id']}/stop")

    made = client.post(RUNS, json=body, headers=key)

    assert made.status_code == 202
    again = client.post(RUNS, json=body, headers=key)
    assert (again.status_code, again.json["id"]) == (202, made.json["id"])


def test_those_that_give_their_place_are_told_of(client, declare):
    declare(when_busy="coalesce")
    first = trigger(client).json

    second = trigger(client).json

    gone = client.get(f"/api/v1/runs/{first['id']}").json
    assert (gone["state"], gone["message"]) == ("stopped", f"run {second['id']} took its place")
    [entry] = client.get("/api/v1/audit?action=run.supersede").json["entries"]
    assert entry["detail"] == {"superseded_by": second["id"]}


def test_what_the_group_needs_is_asked_for(client, declare):
    declare()

    refused = client.post(RUNS)

    assert refused.status_code == 422
    assert [fault["field"] for fault in refused.json["errors"]] == ["vars.version"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("concurrency", {"group": "prod-{vars.nothing}"}),
        ("concurrency", {"group": "prod-{vars.password}"}),
        ("concurrency", {"group": "{{ lookup('pipe', 'id') }}"}),
        ("concurrency", {"group": "a", "limit": 0}),
        ("concurrency", {"group": "a", "when_busy": "wait"}),
        ("concurrency", {}),
        ("priority", "urgent"),
        ("priority", 1),
        ("queue", "No Such Name"),
        ("queue", "--config"),
    ],
)
def test_what_makes_no_order_is_refused(client, field, value):
    refused = client.put(DEPLOY, json={**TEMPLATE, field: value})

    assert refused.status_code == 422
    assert refused.json["errors"][0]["field"].startswith(field) or "concurrency" in str(
        refused.json["errors"]
    )


def test_maintenance_is_begun_told_of_and_ended(client, declare, there):
    declare()
    run = trigger(client).json
    assert client.get("/api/v1/maintenance").json["paused"] is False

    paused = client.put("/api/v1/maintenance", json={"reason": "new disks"}).json

    assert (paused["paused"], paused["by"], paused["reason"]) == (True, "admin", "new disks")
    again = client.put("/api/v1/maintenance").json
    assert (again["since"], again["reason"]) == (paused["since"], "new disks")
    assert trigger(client, "2").status_code == 202
    why = client.get(f"/api/v1/runs/{run['id']}").json["waiting"]
    assert (why["reason"], "new disks" in why["message"]) == ("maintenance", True)
    assert client.delete("/api/v1/maintenance").json["paused"] is False
    entries = client.get("/api/v1/audit").json["entries"]
    actions = [entry["action"] for entry in entries]
    assert actions.count("maintenance.begin") == 2
    assert actions.count("maintenance.end") == 1


def test_a_runner_is_drained_and_taken_back(client, there):
    [runner] = client.get("/api/v1/runners").json["runners"]
    assert (runner["name"], runner["queues"], runner["drain"]) == (there, ["default", "dmz"], None)

    drained = client.put(f"/api/v1/runners/{there}/drain", json={"reason": "it leaves"}).json

    assert (drained["drain"]["by"], drained["drain"]["reason"]) == ("admin", "it leaves")
    assert client.delete(f"/api/v1/runners/{there}/drain").json["drain"] is None
    for method in (client.put, client.delete):
        assert method("/api/v1/runners/nobody/drain").status_code == 404
        assert method("/api/v1/runners/a%00b/drain").status_code == 404


def test_a_queue_whose_runners_are_all_drained_is_told_of(client, template, there):
    client.put(f"/api/v1/runners/{there}/drain")
    run = client.post(RUNS).json

    why = client.get(f"/api/v1/runs/{run['id']}").json["waiting"]

    assert (why["reason"], why["message"]) == (
        "runner",
        "all runners of the queue 'default' are drained",
    )


def test_who_may_not_is_refused(app, caller):
    services_of(app)
    somebody = caller("run", "stop")

    for path in ("/api/v1/maintenance", "/api/v1/runners/x/drain"):
        assert somebody.put(path, json={}).status_code == 403
        assert somebody.delete(path).status_code == 403
