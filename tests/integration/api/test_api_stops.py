"""Stops over HTTP."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from app.services import services_of
from runner import keys
from runner.run import Run
from tests.api import NO_REDIS


def stop(client: FlaskClient, run: Run, **request: Any) -> Any:
    """Ask for a stop of *run*."""
    return client.post(f"/api/v1/runs/{run.id}/stop", **request)


def test_a_queued_run_is_stopped_at_once(client: FlaskClient, queued: Callable[[], Run]) -> None:
    response = stop(client, queued())

    assert response.status_code == 202
    assert response.json["state"] == "stopped"
    assert response.json["stop"]["outcome"] == "never_started"


def test_a_running_run_is_asked_to_stop_and_the_bell_rings(
    client: FlaskClient, running: Callable[[], Run], redis: Redis
) -> None:
    run = running()

    response = stop(client, run, json={"reason": "wrong branch"})

    assert response.status_code == 202
    assert (response.json["state"], response.json["stopping"]) == ("running", True)
    assert response.json["stop"]["by"] == "admin"
    assert response.json["stop"]["reason"] == "wrong branch"
    ((_, wish),) = redis.xrange(keys.BELL)
    assert wish[b"stop"] == str(run.id).encode()


def test_asking_again_changes_nothing_but_the_force(
    client: FlaskClient, running: Callable[[], Run]
) -> None:
    run = running()

    first = stop(client, run, json={"reason": "first"}).json["stop"]
    again = stop(client, run, json={"reason": "second"}).json["stop"]
    forced = stop(client, run, json={"force": True})

    assert again == first
    assert forced.status_code == 202
    assert forced.json["stop"]["forced_by"] == "admin"
    assert forced.json["stop"]["requested_at"] == first["requested_at"]


def test_a_final_run_cannot_be_stopped(
    client: FlaskClient, running: Callable[[], Run], finish: Callable[[Run], Run]
) -> None:
    run = finish(running())

    response = stop(client, run)

    assert response.status_code == 409
    assert response.content_type == "application/problem+json"
    assert response.json["run"]["state"] == "succeeded"


def test_there_must_be_such_a_run(client: FlaskClient) -> None:
    assert client.post("/api/v1/runs/7/stop").status_code == 404


def test_without_redis_a_stop_is_asked_for_all_the_same(
    make_client: Callable[..., FlaskClient], running: Callable[[], Run]
) -> None:
    response = stop(make_client(redis_url=NO_REDIS), running())

    assert response.status_code == 202
    assert response.json["stopping"] is True


def test_a_misspelt_wish_stops_nothing(client: FlaskClient, running: Callable[[], Run]) -> None:
    run = running()

    assert stop(client, run, json={"forse": True}).status_code == 422
    assert client.get(f"/api/v1/runs/{run.id}").json["stop"] is None  # type: ignore[index]


def test_those_who_wait_cannot_keep_a_stop_out(
    app: Flask, client: FlaskClient, running: Callable[[], Run]
) -> None:
    for _ in range(3):
        services_of(app).followers.enter()

    response = client.post(f"/api/v1/runs/{running().id}/stop?wait=30", json={"force": True})

    assert response.status_code == 202
    assert response.json["stopping"]


@pytest.mark.parametrize("table", ["audit", "uncounted", "counters", "tokens"])
def test_a_run_is_stopped_although_a_table_of_others_is_locked(
    client: FlaskClient,
    database_url: str,
    running: Callable[[], Run],
    table: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = running()
    with psycopg.connect(database_url) as other:
        other.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")

        response = stop(client, run, json={"reason": "wrong branch"})

    assert response.status_code == 202, response.json
    assert response.json["stopping"]
    assert ("not audited: run.stop" in caplog.text) == (table == "audit")
