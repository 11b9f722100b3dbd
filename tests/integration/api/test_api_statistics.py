"""How a template's runs went."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from runner.run import Run
from runner.store import counts, statistics
from runner.store.connection import Connection
from tests.ended import end

WHERE = "/api/v1/templates/deploy/statistics"


def test_days_tell_how_runs_ended_and_how_long_they_took(
    client: FlaskClient, template: str, conn: Connection
) -> None:
    for seconds in (1.0, 2.0, 3.0, 100.0):
        end(conn, seconds=seconds)
    for state in ("failed", "stopped", "timed_out", "interrupted", "lost"):
        end(conn, state, seconds=9_999.0)
    end(conn, seconds=50.0, days_ago=2)
    end(conn, days_ago=3)  # too old
    end(conn, template="another")

    told: Any = client.get(f"{WHERE}?days=3").json

    today = datetime.now(UTC).date()
    assert [day["day"] for day in told["days"]] == [
        str(today - timedelta(days=ago)) for ago in (2, 1, 0)
    ]
    numbers = [
        tuple(day[name] for name in ("succeeded", "failed", "stopped", "other"))
        for day in told["days"]
    ]
    assert numbers == [(1, 0, 0, 0), (0, 0, 0, 0), (4, 1, 1, 3)]
    assert [day["p50"] for day in told["days"]] == [
        pytest.approx(50, rel=0.01),
        None,
        pytest.approx(2, rel=0.01),
    ]
    assert told["days"][2]["p95"] == pytest.approx(100, rel=0.01)
    assert told["runs"] == 10
    assert told["success_rate"] == pytest.approx(5 / 9)  # a run that somebody stopped is no failure
    assert told["p50"] == pytest.approx(3, rel=0.01)


def test_statistics_are_the_same_before_and_after_the_watchdog_has_counted(
    client: FlaskClient, template: str, conn: Connection
) -> None:
    seen = []
    for state in ("succeeded", "failed"):
        end(conn, state, count=3)
        seen += [client.get(WHERE).json, counts.count(conn) and client.get(WHERE).json]

    assert seen[0] == seen[1]
    assert seen[2] == seen[3]
    assert seen[3]["runs"] == 6


def test_a_run_counts_as_soon_as_it_has_ended(
    client: FlaskClient,
    template: str,
    running: Callable[[], Run],
    finish: Callable[[Run], Run],
) -> None:
    run = running()
    assert client.get(WHERE).json["runs"] == 0

    finish(run)

    assert client.get(WHERE).json["days"][-1]["succeeded"] == 1


def test_without_runs_there_is_no_rate(client: FlaskClient, template: str) -> None:
    told: Any = client.get(WHERE).json

    assert (told["runs"], told["success_rate"], told["p50"], told["p95"]) == (0, None, None, None)
    assert len(told["days"]) == 30


@pytest.mark.parametrize("days", ["0", "367", "x", "-1", "1.5"])
def test_days_are_a_number_of_them(client: FlaskClient, template: str, days: str) -> None:
    assert client.get(f"{WHERE}?days={days}").status_code == 422


@pytest.mark.parametrize("what", ["statistics", "recent"])
def test_an_unknown_template_has_none(client: FlaskClient, what: str) -> None:
    assert client.get(f"/api/v1/templates/deploy/{what}").status_code == 404


def test_recent_runs_are_the_last_that_have_ended_the_newest_last(
    client: FlaskClient, template: str, conn: Connection, queued: Callable[[], Run]
) -> None:
    end(conn)
    ended = end(conn, "failed", seconds=2.5, count=29)
    never = end(conn, "stopped", seconds=None)
    queued()

    told: Any = client.get("/api/v1/templates/deploy/recent").json

    assert [run["id"] for run in told["runs"]] == ended + never
    assert told["runs"][0] == {"id": ended[0], "state": "failed", "seconds": 2.5}
    assert told["runs"][-1] == {"id": never[0], "state": "stopped", "seconds": None}


def test_the_usual_time_is_that_of_the_last_which_succeeded(
    client: FlaskClient, template: str, conn: Connection
) -> None:
    def usual() -> Any:
        return client.get("/api/v1/templates/deploy/recent").json["usual_seconds"]

    assert usual() is None
    end(conn, seconds=1.0, count=40)
    end(conn, seconds=7.0, count=20)
    end(conn, "failed", seconds=99.0, count=40)

    assert usual() == 7.0


def test_recent_runs_of_many_templates_are_read_at_once(conn: Connection) -> None:
    first, second = end(conn, template="a", count=2), end(conn, template="b")

    told = statistics.recent(conn, ["a", "b", "c"])

    assert {name: [run.id for run in runs] for name, runs in told.items()} == {
        "a": first,
        "b": second,
        "c": [],
    }
