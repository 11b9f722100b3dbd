"""What Prometheus reads."""

import platform
import re
import tomllib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from psycopg.types.json import Jsonb

from app.monitoring import counted, live
from app.version import VERSION
from runner.run import FINAL, Run
from runner.store import counts, deliveries, gauges, outbox, runners, stops, watch
from runner.store.connection import Connection
from runner.store.deliveries import Noted
from runner.store.outbox import Outcome
from tests.api import NO_POSTGRES
from tests.ended import end

QUEUED = """INSERT INTO runs (template, spec, trigger, triggered_by)
            VALUES (%s, '{}', 'api', 'ada')"""
BUCKET = "curtain_stop_seconds_bucket"


HOOK = """INSERT INTO hooks (name, sender, template, spec, updated_by)
          VALUES ('site', 'github', NULL, '{}', 'ada')"""


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
    disks = {"runs": {"total": 100, "free": 60}, "git": {"total": 100, "free": 60, "used": 7}}
    place = {"machine": "m", "boot": "b", "containment": "subreaper", "disks": disks}
    runners.beat(conn, "runner-1", slots=10, busy=3, **place)
    survivors = Jsonb([{"pid": 7, "uid": 0, "command": "sleep"}])
    conn.execute("UPDATE runs SET survivors = %s WHERE id = %s", [survivors, stopping.id])
    watch.take(conn, "watchdog-1", lease=20)
    watch.note(conn, "watchdog-1", seconds=0.25, verdicts={"lost": 2})

    seen = samples(app)

    assert seen.pop(("curtain_queue_oldest_seconds",)) >= 0
    assert seen.pop(("curtain_watchdog_last_round_timestamp_seconds",)) > 1.7e9
    assert 0 <= seen.pop(("curtain_watchdog_last_round_age_seconds",)) < 30
    assert seen.pop(("curtain_runner_last_beat_timestamp_seconds", "m", "runner-1")) > 1.7e9
    assert seen.pop(("curtain_build_info", platform.python_version(), VERSION)) == 1
    assert seen.pop(("curtain_database_bytes",)) > 1e6
    assert seen.pop(("curtain_oldest_run_timestamp_seconds",)) > 1.7e9
    seen = {key: value for key, value in seen.items() if key[0] != "curtain_table_bytes"}
    assert {name: value for name, value in seen.items() if value} == {
        ("curtain_runner_disk_bytes", "git", "m", "runner-1"): 100,
        ("curtain_runner_disk_bytes", "runs", "m", "runner-1"): 100,
        ("curtain_runner_disk_free_bytes", "git", "m", "runner-1"): 60,
        ("curtain_runner_disk_free_bytes", "runs", "m", "runner-1"): 60,
        ("curtain_runner_directory_bytes", "git", "m", "runner-1"): 7,
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
        ("curtain_runner_slots", "m", "runner-1"): 10,
        ("curtain_runner_busy_slots", "m", "runner-1"): 3,
        ("curtain_template_runs", "queued", "deploy"): 1,
        ("curtain_template_runs", "running", "deploy"): 2,
        ("curtain_survivors",): 1,
        ("curtain_uncounted",): 4,  # three claims and an end
    }


def test_what_has_not_happened_yet_is_counted_as_zero(
    app: Flask, conn: Connection, template: str
) -> None:
    """Or Prometheus would not see the first one as an increase."""
    conn.execute(HOOK)
    seen = samples(app)

    assert {seen["curtain_watchdog_verdicts_total", kind] for kind in watch.VERDICTS} == {0.0}
    for state in FINAL:
        assert seen["curtain_runs_ended_total", state, "deploy"] == 0
    assert seen["curtain_hook_deliveries_total", "refused", "github"] == 0
    assert seen["curtain_notifications_ended_total", "dead"] == 0
    assert seen["curtain_stop_seconds_bucket", "true", "+Inf"] == 0
    assert seen["curtain_claim_seconds_count",] == 0
    assert ("curtain_watchdog_last_round_timestamp_seconds",) not in seen


def test_counters_tell_of_what_has_happened(
    app: Flask,
    conn: Connection,
    running: Callable[[], Run],
    finish: Callable[[Run], Run],
) -> None:
    finish(running())
    end(conn, "stopped", stop_seconds=0.3, output_bytes=12)
    end(conn, "stopped", stop_seconds=40.0)
    end(conn, "stopped", stop_seconds=0.2, force=True)
    counts.count(conn)

    seen = samples(app)

    assert seen["curtain_runs_ended_total", "succeeded", "deploy"] == 1
    assert seen["curtain_runs_ended_total", "stopped", "deploy"] == 3
    assert seen["curtain_output_bytes_total",] == 12
    assert seen["curtain_claim_seconds_count",] == 1
    assert seen["curtain_claim_seconds_bucket", "+Inf"] == 1
    assert seen["curtain_claim_seconds_sum",] < 60
    slow = {key[2]: value for key, value in seen.items() if key[:2] == (BUCKET, "false")}
    assert list(slow.values()) == sorted(slow.values())  # each has those below it in it
    assert (slow["0.25"], slow["0.5"], slow["30.0"], slow["60.0"], slow["+Inf"]) == (0, 1, 1, 2, 2)
    assert seen["curtain_stop_seconds_sum", "false"] == pytest.approx(40.3)
    assert seen[BUCKET, "true", "0.25"] == 1
    assert seen["curtain_uncounted",] == 0


def test_counters_never_go_down(app: Flask, conn: Connection) -> None:
    """Whatever happens to the rows, and however much waits to be counted."""
    told = [samples(app)]
    for state in ("failed", "stopped", "succeeded"):
        run_ids = end(conn, state, count=7, output_bytes=5)
        told.append(samples(app))
        while counts.count(conn, limit=3):
            told.append(samples(app))
        conn.execute("DELETE FROM runs WHERE id = ANY(%s)", [run_ids])
        told.append(samples(app))

    ending = ("_total", "_bucket", "_sum", "_count")
    for before, after in pairwise(told):
        for key in before:
            if key[0].endswith(ending):
                assert after[key] >= before[key], key


def test_a_bucket_of_an_older_version_stays_in_its_histogram(app: Flask, conn: Connection) -> None:
    conn.execute("INSERT INTO counters VALUES ('stop_seconds', '{false,0.3}', 2)")
    end(conn, "stopped", stop_seconds=0.2)
    counts.count(conn)

    seen = samples(app)

    assert [seen[BUCKET, "false", upto] for upto in ("0.1", "0.25", "0.3", "0.5")] == [0, 1, 3, 3]


def test_all_that_a_hook_decides_is_counted_once(
    app: Flask, conn: Connection, queued: Callable[[], Run]
) -> None:
    conn.execute(HOOK)
    noted = Noted("site", "1", "main", {}, {}, None)
    with conn.transaction():  # as triggering does it
        delivery = deliveries.note(conn, noted, "refused", None)
        assert delivery is not None
        deliveries.settle(conn, delivery, queued().id)
    deliveries.repeat(conn, noted)
    for _ in range(2):  # its rules may be others by now: decided anew
        deliveries.note(conn, noted._replace(key="2"), "ignored", "a rule")
    deliveries.note(conn, noted._replace(hook="gone"), "rejected", "a test")
    counts.count(conn)

    seen = samples(app)

    assert {
        key[1:]: value
        for key, value in seen.items()
        if key[0] == "curtain_hook_deliveries_total" and value
    } == {
        ("queued", "github"): 1,
        ("repeated", "github"): 1,
        ("ignored", "github"): 2,
        ("rejected", "unknown"): 1,
    }


def test_notifications_are_counted_as_they_end(
    app: Flask, conn: Connection, running: Callable[[], Run]
) -> None:
    run = running()
    event = conn.execute("SELECT id FROM run_events WHERE run_id = %s LIMIT 1", [run.id]).fetchone()
    assert event is not None
    conn.execute(
        """INSERT INTO notifications (event_id, run_id, occasion, target)
           SELECT %s, %s, 'failed', n FROM generate_series(1, 3) AS n""",
        [event["id"], run.id],
    )
    first, second, third = outbox.claim(conn, limit=3, lease=60)
    outbox.give_up(conn, third, state="skipped", reason="a test")
    for due, outcome in ((first, Outcome("sent", 200)), (second, Outcome("dead", 500, "no"))):
        attempt = outbox.begin(conn, due, lease=60)
        assert attempt is not None
        for _ in range(2):  # its answer may be written again
            outbox.note(conn, due, attempt, outcome, seconds=0.1)
    counts.count(conn)

    seen = samples(app)

    for state in ("sent", "dead", "skipped"):
        assert seen["curtain_notifications_ended_total", state] == 1
    for outcome_label in ("succeeded", "failed"):
        assert seen["curtain_notification_attempts_total", outcome_label] == 1


def test_a_runner_that_vanished_is_shown_for_an_hour(app: Flask, conn: Connection) -> None:
    place = {"machine": "m", "boot": "b", "containment": "subreaper", "disks": {}}
    for name, ago in (("left", 0), ("silent", 3500), ("forgotten", 3700)):
        runners.beat(conn, name, slots=10, busy=3, **place)
        conn.execute(
            "UPDATE runners SET beat_at = now() - make_interval(secs => %s) WHERE name = %s",
            [ago, name],
        )
    runners.leave(conn, "left")

    seen = samples(app)

    shown = {key[2] for key in seen if key[0] == "curtain_runner_last_beat_timestamp_seconds"}
    assert shown == {"silent"}


def test_the_names_of_templates_are_bounded(
    app: Flask, conn: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (counts, counted, live, gauges):
        monkeypatch.setattr(module, "MOST_TEMPLATES", 5)
    for n in range(9):
        end(conn, template=f"t{n}")
        conn.execute(QUEUED, [f"t{n}"])
    counts.count(conn)

    seen = samples(app)

    for name in ("curtain_runs_ended_total", "curtain_template_runs"):
        mine = {key: value for key, value in seen.items() if key[0] == name}
        assert len({key[2] for key in mine}) == 5 + 1
        assert sum(mine.values()) == 9


def test_the_version_is_that_of_the_project() -> None:
    root = Path(__file__).resolve().parents[3]

    project = tomllib.loads((root / "pyproject.toml").read_text())

    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "app.version.VERSION"}
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", VERSION)


def test_without_postgres_there_are_no_metrics(make_client: Callable[..., FlaskClient]) -> None:
    response: Any = make_client(database_url=NO_POSTGRES).get("/metrics")

    assert response.status_code == 503
    assert response.content_type == "application/problem+json"


def test_without_its_schema_there_are_no_metrics(client: FlaskClient, conn: Connection) -> None:
    conn.execute("DROP TABLE migrations")

    response: Any = client.get("/metrics")

    assert response.status_code == 503
    assert "migrate" in response.json["detail"]
