"""The audit: whatever changes something is in it, with who and from where, and no secret is."""

import json
import os
import subprocess
import sys
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from runner.settings import Settings
from tests.api import TEMPLATE, TOKEN
from tests.hooks.signing import SECRET, deliver, payload
from tests.sides import CLOSED, call
from tests.waiting import wait_until

AUDIT = "/api/v1/audit"
#: Of what is on a side they cannot be done: its run is final, its delivery has no content.
#: What there is nothing for here: see test_api_order.py and test_api_approvals.py.
NOT_DONE = {
    "stop_run",
    "redeliver",
    "drain_runner",
    "undrain_runner",
    "approve_run",
    "deny_run",
}
CHANGE_NOTHING = {
    "try_hook",
    "converse",
    "compare_credential",
    "compare_secrets",
    "compare_variables",
}  # chats: below

#: Sends one request in a process of its own.
SEND = """
import json, os, sys
from app.factory import create_app
from runner.settings import Settings

method, path, body = json.loads(sys.argv[1])
headers = {"Authorization": f"Bearer {os.environ['CURTAIN_ADMIN_TOKEN']}"}
client = create_app(Settings.from_environ(os.environ)).test_client()
client.open(path, method=method, json=body, headers=headers)
"""
#: Who has begun to write an entry, and has not committed it.
WRITING = """SELECT 1 FROM pg_locks WHERE relation = 'audit'::regclass
              AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()"""
WAITING = f"{WRITING} AND NOT granted"


def entries(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    response = client.get(f"{AUDIT}?{query}")
    assert response.status_code == 200, response.json
    return response.json["entries"]


def test_whatever_changes_something_is_in_the_audit(client, make_side, caller) -> None:
    side = make_side("inside-web")
    caller("read", name="other")
    changing = [each for each in CLOSED if each.method != "GET"]

    done = set()
    for operation in sorted(changing, key=lambda each: (each.method == "DELETE", each.path)):
        before = entries(client, "limit=500")
        response = call(client, operation, side)
        if response.status_code < 300:
            done.add(operation.name)
            new = len(entries(client, "limit=500")) - len(before)
            assert new == (operation.name not in CHANGE_NOTHING), operation.name

    assert {each.name for each in changing} - done <= NOT_DONE | {"delete_template"}


def test_an_entry_says_who_did_what_from_where(client, template, caller) -> None:
    headers = {"User-Agent": "curl/8.14 " + "x" * 500, "X-Forwarded-For": "203.0.113.9"}
    run = caller("run", name="ci").post(
        f"/api/v1/templates/{template}/runs", json={"reason": "the release"}, headers=headers
    )

    [entry] = entries(client, "action=run.trigger")

    assert entry["actor"] == run.json["triggered_by"] == "ci"
    assert entry["target"] == f"run {run.json['id']}"
    assert entry["template"] == "deploy"
    assert entry["address"] == "127.0.0.1"  # who connects; anybody can say anything of others
    assert entry["agent"].startswith("curl/8.14 x")
    assert len(entry["agent"]) == 200
    assert entry["detail"] == {"reason": "the release"}


def test_a_repeated_request_is_one_entry(client, template) -> None:
    for _ in range(2):
        client.post("/api/v1/templates/deploy/runs", headers={"Idempotency-Key": "build-7"})

    assert len(entries(client, "action=run.trigger")) == 1


def test_stops_and_forced_ones_are_told_apart_and_once_each(client, running, caller) -> None:
    run, bob = running(), caller("kill", name="bob")
    for body in ({"reason": "wrong"}, {}, {"force": True}, {"force": True}):
        assert bob.post(f"/api/v1/runs/{run.id}/stop", json=body).status_code == 202

    told = [(each["action"], each["detail"]) for each in entries(client, f"target=run%20{run.id}")]

    assert told == [("run.force", {}), ("run.stop", {"reason": "wrong"})]


def test_a_declaration_is_told_before_and_after(client, template) -> None:
    client.put("/api/v1/templates/deploy", json=TEMPLATE | {"timeout": 7})
    client.delete("/api/v1/templates/deploy")

    deleted, changed, made = entries(client)

    assert made["before"] is None
    assert made["after"] == changed["before"]
    assert changed["after"] == deleted["before"]
    assert (changed["before"]["timeout"], changed["after"]["timeout"]) != (7, 7)
    assert changed["after"]["timeout"] == 7
    assert deleted["after"] is None


def test_what_was_refused_is_there(client, template, caller) -> None:
    caller("read", name="eve").post("/api/v1/templates/deploy/runs")
    caller("read", name="eve").put("/api/v1/templates/a%00b")

    put, post = entries(client, "actor=eve")

    assert (post["action"], post["target"]) == ("refused", "POST /api/v1/templates/deploy/runs")
    assert post["detail"] == {"right": "run"}
    assert put["target"] == "PUT /api/v1/templates/ab"


def test_what_changes_nothing_is_not(client, template) -> None:
    client.delete("/api/v1/templates/none")
    client.put("/api/v1/templates/deploy", json={"playbook": 1})
    client.put("/api/v1/templates/deploy", json=TEMPLATE | {"credentials": ["none"]})
    client.post("/api/v1/runs/1/stop")

    assert [entry["action"] for entry in entries(client)] == ["template.put"]


def test_no_secret_is_in_the_audit_nor_in_a_log(
    client, template, conn, caplog: pytest.LogCaptureFixture
) -> None:
    secrets = ["hunter2-the-password", "hunter2-of-the-hook", "hunter2-of-the-run"]
    caplog.set_level("DEBUG")
    password = {"kind": "become_password", "password": secrets[0]}
    hook = {"sender": "github", "secret": secrets[1], "template": "deploy"}
    for _ in range(2):
        client.put("/api/v1/credentials/key", json=password)
        client.put("/api/v1/hooks/site", json=hook)
    client.post("/api/v1/templates/deploy/runs", json={"vars": {"password": secrets[2]}})
    client.post("/api/v1/chat", json={"text": f"run deploy password={secrets[2]}"})
    token = client.post("/api/v1/tokens", json={"name": "ci"}).json["token"]
    client.get("/api/v1/audit", headers={"Authorization": f"Bearer {token}"})

    kept = str(conn.execute("SELECT * FROM audit").fetchall()) + caplog.text

    assert "credential.put" in kept
    assert [secret for secret in [*secrets, token, TOKEN] if secret in kept] == []


def test_what_hooks_and_chats_do_is_there(client, template, app) -> None:
    github = {"sender": "github", "secret": SECRET, "template": "deploy"}
    assert (
        client.put("/api/v1/hooks/site", json=github | {"when_busy": "coalesce"}).status_code == 201
    )
    stranger = app.test_client()
    for number in range(2):
        pushed = payload("github/push_branch") | {"ref": "refs/heads/master"}
        answer = deliver(stranger, pushed | {"number": number}, delivery=str(number))
        assert answer.status_code == 202, answer.json
    client.post("/api/v1/chat", json={"text": "stop 2"})

    told = [(each["actor"], each["action"], each["target"]) for each in entries(client)]

    assert told == [
        ("admin", "run.stop", "run 2"),
        ("hook site", "run.supersede", "run 1"),
        ("hook site", "run.trigger", "run 2"),
        ("hook site", "run.trigger", "run 1"),
        ("admin", "hook.put", "hook site"),
        ("admin", "template.put", "template deploy"),
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/runs/1/stop", {"force": True}),
        ("DELETE", "/api/v1/templates/deploy", None),
        ("DELETE", "/api/v1/tokens/ci", None),
    ],
)
def test_a_process_that_is_killed_before_the_entry_has_changed_nothing(
    client, template, settings: Settings, conn, queued, method: str, path: str, body: Any
) -> None:
    queued()
    client.post("/api/v1/tokens", json={"name": "ci"})
    before = state(conn)

    kill_before_the_entry(conn, settings, method, path, body)

    assert state(conn) == before


def test_a_trigger_and_its_entry_are_one_statement(client, template, settings, conn) -> None:
    """Postgres ends it after the process was killed: both are there, or neither."""
    kill_before_the_entry(conn, settings, "POST", "/api/v1/templates/deploy/runs", None)

    (run,) = conn.execute("SELECT id, state FROM runs").fetchall()
    newest = entries(client)[0]
    assert run["state"] == "queued"
    assert (newest["action"], newest["target"]) == ("run.trigger", f"run {run['id']}")


def kill_before_the_entry(conn, settings: Settings, method: str, path: str, body: Any) -> None:
    """Kill a process that sends a request, when it waits to write the audit's entry."""
    environ = os.environ | {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "CURTAIN_ADMIN_TOKEN": TOKEN,
        "CURTAIN_SECRET_KEY": settings.secret_key,
    }
    command = [sys.executable, "-c", SEND, json.dumps([method, path, body])]
    with psycopg.connect(settings.database_url) as other:
        other.execute("LOCK TABLE audit IN EXCLUSIVE MODE")  # it waits between change and entry
        process = subprocess.Popen(command, env=environ)
        try:
            wait_until(lambda: conn.execute(WAITING).fetchone())
        finally:
            process.kill()
            process.wait()

    wait_until(lambda: not conn.execute(WRITING).fetchone())


def state(conn) -> list[Any]:
    """All that the requests could change."""
    tables = ("runs", "run_events", "templates", "tokens", "audit")
    return [conn.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables]


def test_it_is_listed_by_pages_and_filters(client, conn) -> None:
    for number in range(25):
        conn.execute(
            """INSERT INTO audit (actor, action, target, at)
               VALUES (%s, %s, %s, '2026-01-01Z'::timestamptz + make_interval(days => %s))""",
            [
                f"actor-{number % 2}",
                ("run.stop", "run.force")[number % 3 == 0],
                f"run {number}",
                number,
            ],
        )

    def ids(query: str) -> list[int]:
        page, found = f"{AUDIT}?limit=4&{query}", []
        while page:
            told = client.get(page).json
            found += [int(entry["target"].removeprefix("run ")) for entry in told["entries"]]
            page = told["next"]
        return found

    assert ids("") == list(range(24, -1, -1))
    assert ids("actor=actor-1") == list(range(23, 0, -2))
    assert ids("action=run.force") == list(range(24, -1, -3))
    assert ids("target=run%207") == [7]
    assert ids("since=2026-01-03T00:00:00Z&until=2026-01-06T00:00:00Z") == [4, 3, 2]
    assert client.get(f"{AUDIT}?action=nope").status_code == 422
    assert client.get(f"{AUDIT}?actor=").status_code == 422
