"""What the platform asks."""

from collections.abc import Callable
from typing import Any, LiteralString

import pytest
from flask import Flask
from flask.testing import FlaskClient

from runner.run import Run
from runner.store import runners, stops, watch
from runner.store.connection import Connection
from tests.api import NO_POSTGRES, NO_REDIS

MakeClient = Callable[..., FlaskClient]


def test_health_needs_nobody(make_client: MakeClient) -> None:
    client = make_client(database_url=NO_POSTGRES, redis_url=NO_REDIS)

    assert client.get("/health").json == {"status": "ok"}


def beat(conn: Connection, name: str, containment: str) -> None:
    """Let a runner be alive."""
    place = {"machine": "m", "boot": "b", "containment": containment, "disks": {}}
    runners.beat(conn, name, slots=3, busy=1, **place)


@pytest.fixture
def well(conn: Connection) -> Connection:
    """A runner that beats, and a watchdog that has just made a round."""
    beat(conn, "runner-1", "subreaper")
    watch.take(conn, "watchdog-1", lease=20)
    watch.note(conn, "watchdog-1", seconds=0.25, verdicts={"settled": 2})
    return conn


def test_ready_tells_of_runners_and_the_watchdog(
    client: FlaskClient, well: Connection, queued: Callable[[], Run]
) -> None:
    watch.note(well, "another", seconds=9.0, verdicts={"settled": 1, "lost": 1})
    queued()

    ready: Any = client.get("/ready").json

    watchdog = ready.pop("watchdog")
    assert {word["part"]: word["is_well"] for word in ready.pop("words")} == dict.fromkeys(
        ("postgres", "redis", "runners", "watchdog", "queue", "stops"), True
    )
    assert ready == {
        "status": "ready",
        "postgres": "ok",
        "redis": "ok",
        "runners": 1,
        "containment": {"subreaper": 1},
    }
    assert (watchdog["rounds"], watchdog["round_seconds"]) == (1, 0.25)
    assert 0 <= watchdog["seconds_ago"] < 30
    assert watchdog["last_round_at"].endswith("Z")
    assert watchdog["oldest_queued_seconds"] >= 0
    assert watchdog["stuck_stopping"] == 0
    told = {kind: count for kind, count in watchdog["verdicts"].items() if count}
    assert told == {"settled": 3, "lost": 1}


def test_ready_tells_how_runners_hold_families(client: FlaskClient, well: Connection) -> None:
    for name in ("runner-2", "runner-3"):
        beat(well, name, "cgroup v2")

    ready: Any = client.get("/ready").json

    assert ready["runners"] == 3
    assert ready["containment"] == {"cgroup v2": 2, "subreaper": 1}


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE watch SET round_at = now() - interval '31 seconds'",
        "UPDATE watch SET round_at = NULL",
        "UPDATE runners SET beat_at = now() - interval '31 seconds'",
    ],
    ids=["no round lately", "no round ever", "no runner"],
)
def test_without_a_watchdog_or_a_runner_it_is_degraded_but_ready(
    client: FlaskClient, well: Connection, change: LiteralString
) -> None:
    well.execute(change)

    response: Any = client.get("/ready")

    assert response.status_code == 200
    assert response.json["status"] == "degraded"


def test_ready_counts_what_is_stuck_stopping(
    client: FlaskClient, well: Connection, running: Callable[[], Run]
) -> None:
    quick, stuck, forced = running(), running(), running()
    for run in (quick, stuck):
        stops.request_stop(well, run.id, by="ada", reason=None, force=False)
    stops.request_stop(well, forced.id, by="ada", reason=None, force=True)
    well.execute(
        "UPDATE runs SET stop_requested_at = now() - interval '23 s' WHERE id = %s", [stuck.id]
    )
    well.execute(
        "UPDATE runs SET force_requested_at = now() - interval '11 s' WHERE id = %s", [forced.id]
    )

    response: Any = client.get("/ready")

    assert response.json["watchdog"]["stuck_stopping"] == 2


def test_without_redis_it_is_degraded_but_ready(make_client: MakeClient, well: Connection) -> None:
    response: Any = make_client(redis_url=NO_REDIS).get("/ready")

    assert response.status_code == 200
    assert response.json["status"] == "degraded"
    assert response.json["redis"] == "does not answer"


def test_without_its_schema_it_is_not_ready(client: FlaskClient, conn: Connection) -> None:
    conn.execute("DROP TABLE migrations")

    response: Any = client.get("/ready")

    assert response.status_code == 503
    assert "migrate" in response.json["postgres"]


@pytest.mark.parametrize(
    "older", ["ALTER TABLE runs RENAME TO before", "ALTER TABLE runs RENAME COLUMN state TO how"]
)
def test_before_the_release_phase_every_call_says_so(
    client: FlaskClient, conn: Connection, older: LiteralString
) -> None:
    conn.execute(older)

    response: Any = client.get("/api/v1/runs")

    assert response.status_code == 503
    assert response.content_type == "application/problem+json"
    assert "run the release phase" in response.json["detail"]
    assert response.headers["Retry-After"]


def test_without_postgres_it_is_not_ready(make_client: MakeClient) -> None:
    response: Any = make_client(database_url=NO_POSTGRES).get("/ready")

    assert response.status_code == 503
    assert response.json["postgres"] == "does not answer"
    assert response.json["watchdog"] is None
    words = {word["part"]: word for word in response.json["words"]}
    assert words["postgres"]["is_well"] is False
    assert "DATABASE_URL" in words["postgres"]["advice"]


def test_the_documentation_needs_no_script_and_no_other_site(app: Flask) -> None:
    response = app.test_client().get("/docs")

    assert "script" not in response.text
    assert "src=" not in response.text
    assert "POST /api/v1/runs/{run_id}/stop" in response.text
