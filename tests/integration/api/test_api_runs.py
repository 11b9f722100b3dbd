"""Runs over HTTP: triggering, listing, showing."""

import time
from collections.abc import Callable
from threading import Timer
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from app.services import services_of
from runner import keys
from runner.run import Run
from runner.settings import Settings
from runner.store import runs
from runner.store.connection import Connection
from tests.api import NO_REDIS, TEMPLATE

DEPLOY = "/api/v1/templates/deploy"
RUNS = f"{DEPLOY}/runs"


def test_a_trigger_is_answered_at_once_with_the_queued_run(
    client: FlaskClient, template: str, redis: Redis
) -> None:
    response = client.post(
        RUNS, json={"vars": {"version": "1.2"}, "limit": "web", "reason": "release"}
    )

    assert response.status_code == 202
    run = response.json
    assert run is not None
    assert response.headers["Location"] == f"/api/v1/runs/{run['id']}"
    assert (run["state"], run["trigger"], run["triggered_by"]) == ("queued", "api", "admin")
    assert run["vars"] == {"version": "1.2", "count": 1}
    assert run["options"] == {"forks": 10, "limit": "web"}
    assert run["reason"] == "release"
    shown = client.get(response.headers["Location"]).json
    assert shown is not None
    assert shown.pop("waiting")["reason"] == "runner"
    assert shown == run
    assert redis.exists(f"rq:queue:{keys.QUEUE}")


def test_a_secret_is_neither_shown_nor_stored_readable(
    client: FlaskClient, template: str, conn: Connection
) -> None:
    response = client.post(RUNS, json={"vars": {"password": "hunter2"}})

    assert response.json is not None
    assert response.json["vars"]["password"] == "********"
    row = conn.execute("SELECT runs::text AS text FROM runs").fetchone()
    assert row is not None
    assert "hunter2" not in row["text"]
    assert b"hunter2".hex() not in row["text"]


def test_what_the_template_does_not_accept_is_named_and_nothing_is_queued(
    client: FlaskClient, template: str
) -> None:
    response = client.post(
        RUNS, json={"vars": {"version": "1;id", "count": 0, "nope": 1}, "verbosity": 3}
    )

    assert response.status_code == 422
    assert response.json is not None
    fields = {error["field"] for error in response.json["errors"]}
    assert fields == {"vars.version", "vars.count", "vars.nope", "verbosity"}
    assert client.get("/api/v1/runs").json == {"runs": [], "next": None}


def test_there_must_be_such_a_template(client: FlaskClient) -> None:
    assert client.post(RUNS).status_code == 404


def test_without_redis_a_run_is_queued_all_the_same(
    make_client: Callable[..., FlaskClient], template: str
) -> None:
    client = make_client(redis_url=NO_REDIS)
    began = time.monotonic()

    response = client.post(RUNS)

    assert response.status_code == 202
    assert time.monotonic() - began < 5


def test_a_run_keeps_the_template_it_was_made_of(client: FlaskClient, template: str) -> None:
    run = client.post(RUNS).json
    assert run is not None

    client.put(DEPLOY, json=TEMPLATE | {"options": {"forks": 99}})
    client.delete(DEPLOY)

    page = client.get("/api/v1/runs").json
    assert page is not None
    assert page["runs"] == [run]


def with_key(key: str) -> dict[str, str]:
    """Headers with an idempotency key."""
    return {"Idempotency-Key": key}


def test_the_same_key_gives_the_same_run(client: FlaskClient, template: str) -> None:
    first = client.post(RUNS, json={"vars": {"count": 2}}, headers=with_key("k"))
    again = client.post(
        RUNS,
        data=b'{"vars":\n{"count": 2}}',
        headers=with_key("k"),
        content_type="application/json",
    )
    other = client.post(RUNS, json={"vars": {"count": 2}}, headers=with_key("l"))

    assert first.json is not None
    assert again.status_code == 202
    assert again.json == first.json
    assert again.headers["Location"] == first.headers["Location"]
    assert other.json is not None
    assert other.json["id"] != first.json["id"]


def test_a_key_gives_its_run_even_when_the_template_is_gone(
    client: FlaskClient, template: str
) -> None:
    first = client.post(RUNS, headers=with_key("k"))
    client.delete(DEPLOY)

    assert client.post(RUNS, headers=with_key("k")).json == first.json


def test_a_key_is_for_one_request(client: FlaskClient, template: str) -> None:
    client.put("/api/v1/templates/other", json=TEMPLATE)
    client.post(RUNS, headers=with_key("k"))

    body = client.post(RUNS, json={"reason": "other"}, headers=with_key("k"))
    name = client.post("/api/v1/templates/other/runs", headers=with_key("k"))

    assert (body.status_code, name.status_code) == (422, 422)
    assert body.json is not None
    assert body.json["errors"][0]["field"] == "Idempotency-Key"


@pytest.mark.parametrize("key", ["", " ", "k" * 256, "ä", "a\tb"])
def test_a_key_is_printable_and_short(client: FlaskClient, template: str, key: str) -> None:
    assert client.post(RUNS, headers=with_key(key)).status_code == 422


def test_pages_of_runs_join_newest_first(client: FlaskClient, queued: Callable[[], Run]) -> None:
    ids = [queued().id for _ in range(5)]

    seen, url = [], "/api/v1/runs?limit=2&state=queued&state=running"
    while url:
        page = client.get(url).json
        assert page is not None
        seen += [run["id"] for run in page["runs"]]
        url = page["next"]

    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=queued", 1),
        ("state=running", 1),
        ("state=queued&state=running", 2),
        ("state=lost", 0),
        ("template=deploy", 2),
        ("template=other", 0),
        ("trigger=api", 2),
        ("trigger=chat", 0),
        ("since=2026-01-01T00:00:00Z", 2),
        ("since=0001-01-01T00:00:00Z", 2),
        ("until=9999-12-31T23:59:59Z", 2),
        ("until=2026-01-01T00:00:00%2B02:00", 0),
        ("before=1", 0),
    ],
)
def test_runs_can_be_filtered(
    client: FlaskClient,
    queued: Callable[[], Run],
    running: Callable[[], Run],
    query: str,
    found: int,
) -> None:
    queued()
    running()

    page = client.get(f"/api/v1/runs?{query}").json

    assert page is not None
    assert len(page["runs"]) == found


def test_times_are_utc_whatever_the_servers_zone(
    client: FlaskClient, conn: Connection, queued: Callable[[], Run]
) -> None:
    conn.execute(
        """DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET timezone TO ''Asia/Tokyo''',
                                     current_database()); END$$"""
    )
    run = queued()

    shown = client.get(f"/api/v1/runs/{run.id}").json

    assert shown is not None
    assert shown["queued_at"] == run.queued_at.isoformat().replace("+00:00", "Z")


def test_who_waits_is_answered_when_the_run_is_over(
    client: FlaskClient,
    redis: Redis,
    conn: Connection,
    template: str,
    running: Callable[[], Run],
    finish: Callable[[Run], Run],
) -> None:
    run = running()

    def end() -> None:
        finish(run)
        redis.publish(keys.TAIL, run.id)

    timer = Timer(0.3, end)
    timer.start()
    began = time.monotonic()
    response = client.post(f"/api/v1/runs/{run.id}/stop?wait=30")
    timer.join()

    assert response.status_code == 200
    assert response.json is not None
    assert response.json["state"] == "succeeded"
    assert time.monotonic() - began < 5


def test_who_waits_too_short_is_told_how_it_is(client: FlaskClient, template: str) -> None:
    response = client.post(f"{RUNS}?wait=0.1")

    assert response.status_code == 202
    assert response.json is not None
    assert response.json["state"] == "queued"


@pytest.mark.parametrize("wait", ["-1", "301", "nan", "inf", "x", ""])
def test_nobody_waits_for_ever(client: FlaskClient, template: str, wait: str) -> None:
    assert client.post(f"{RUNS}?wait={wait}").status_code == 422


def test_when_too_many_wait_it_answers_at_once(
    app: Flask, client: FlaskClient, template: str
) -> None:
    for _ in range(3):
        services_of(app).followers.enter()

    began = time.monotonic()
    full = client.post(f"{RUNS}?wait=30")

    assert time.monotonic() - began < 5
    assert full.status_code == 202


def test_the_history_tells_who_did_what(client: FlaskClient, template: str) -> None:
    run: Any = client.post(RUNS).json
    client.post(f"/api/v1/runs/{run['id']}/stop", json={"reason": "no"})

    first: Any = client.get(f"/api/v1/runs/{run['id']}/events?limit=1").json
    second: Any = client.get(first["next"]).json

    events = [*first["events"], *second["events"]]
    assert [(event["kind"], event["actor"]) for event in events] == [
        ("queued", "admin"),
        ("stopped", "admin"),
    ]
    assert second["next"] is None


def test_a_run_that_is_not_running_has_no_processes(
    client: FlaskClient, queued: Callable[[], Run]
) -> None:
    assert client.get(f"/api/v1/runs/{queued().id}/processes").json == {"processes": []}


def test_a_silent_runner_is_told_of(client: FlaskClient, running: Callable[[], Run]) -> None:
    response = client.get(f"/api/v1/runs/{running().id}/processes")

    assert response.status_code == 503
    assert "did not answer" in response.text


def test_an_expired_lease_is_told_of(
    client: FlaskClient, conn: Connection, running: Callable[[], Run]
) -> None:
    run = running()
    conn.execute("UPDATE runs SET lease_expires_at = now() - interval '1 second'")

    shown: Any = client.get(f"/api/v1/runs/{run.id}").json

    assert shown["stale"] is True
    assert runs.find(conn, run.id) is not None


def test_a_key_gives_its_run_while_the_old_secret_key_is_given(
    make_client: Callable[..., FlaskClient], settings: Settings, template: str
) -> None:
    """The request is told from others by a digest that is keyed with it."""
    first = make_client().post(RUNS, headers=with_key("k")).json
    both = make_client(secret_key=f"another-secret-key,{settings.secret_key}")
    new = make_client(secret_key="another-secret-key")

    assert both.post(RUNS, headers=with_key("k")).json == first
    assert both.post(RUNS, json={"vars": {"count": 7}}, headers=with_key("k")).status_code == 422
    assert new.post(RUNS, headers=with_key("k")).status_code == 422
