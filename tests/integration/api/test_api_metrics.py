"""What Prometheus reads."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from runner.run import Run
from runner.store import runners, stops, watch
from runner.store.connection import Connection
from tests.api import NO_POSTGRES


def samples(app: Flask) -> dict[tuple[str, ...], float]:
    """Read the metrics as Prometheus does, without a token; by name and values of labels."""
    response = app.test_client().get("/metrics")
    assert response.status_code == 200
    assert response.mimetype == "text/plain"
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in text_string_to_metric_families(response.text)
        for sample in family.samples
    }


def test_metrics_tell_of_live_runs_runners_and_the_watchdog(
    app: Flask,
    conn: Connection,
    queued: Callable[[], Run],
    running: Callable[[], Run],
    finish: Callable[[Run], Run],
) -> None:
    finish(running())
    queued()
    running()
    stopping = running()
    stops.request_stop(conn, stopping.id, by="ada", reason=None, force=True)
    conn.execute(
        """UPDATE runs SET force_requested_at = now() - interval '11 s', lease_expires_at = now()
            WHERE id = %s""",
        [stopping.id],
    )
    place = {"machine": "m", "boot": "b", "containment": "subreaper"}
    runners.beat(conn, "runner-1", slots=10, busy=3, **place)
    watch.take(conn, "watchdog-1", lease=20)
    watch.note(conn, "watchdog-1", seconds=0.25, verdicts={"lost": 2})

    seen = samples(app)

    assert seen.pop(("curtain_queue_oldest_seconds",)) >= 0
    assert seen.pop(("curtain_watchdog_last_round_timestamp_seconds",)) > 1.7e9
    assert {name: value for name, value in seen.items() if value} == {
        ("curtain_runs", "queued", "false"): 1,
        ("curtain_runs", "running", "false"): 1,
        ("curtain_runs", "running", "true"): 1,
        ("curtain_runs_stuck_stopping",): 1,
        ("curtain_runs_stale",): 1,
        ("curtain_watchdog_round_seconds",): 0.25,
        ("curtain_watchdog_rounds_total",): 1,
        ("curtain_watchdog_verdicts_total", "lost"): 2,
        ("curtain_runners",): 1,
        ("curtain_slots", "busy"): 3,
        ("curtain_slots", "free"): 7,
    }


def test_what_has_not_happened_yet_is_counted_as_zero(app: Flask) -> None:
    """Or Prometheus would not see the first one as an increase."""
    seen = samples(app)

    assert {seen["curtain_watchdog_verdicts_total", kind] for kind in watch.VERDICTS} == {0.0}
    assert ("curtain_watchdog_last_round_timestamp_seconds",) not in seen


def test_without_postgres_there_are_no_metrics(make_client: Callable[..., FlaskClient]) -> None:
    response: Any = make_client(database_url=NO_POSTGRES).get("/metrics")

    assert response.status_code == 503
    assert response.content_type == "application/problem+json"


def test_without_its_schema_there_are_no_metrics(client: FlaskClient, conn: Connection) -> None:
    conn.execute("DROP TABLE migrations")

    response: Any = client.get("/metrics")

    assert response.status_code == 503
    assert "migrate" in response.json["detail"]
