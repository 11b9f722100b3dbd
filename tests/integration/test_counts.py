"""What happened is counted once: however late, however often, by however many, whoever dies."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest
from psycopg.rows import dict_row

from runner.store import counts, statistics
from runner.store.connection import connect
from tests.ended import end
from tests.waiting import wait_until


@pytest.fixture
def other(database_url):
    """Another connection."""
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


def ended(conn):
    """How many runs each counter of ended runs tells, by template and state."""
    return counts.read(conn).get("runs_ended", {})


def in_days(conn):
    """How many ends the days have."""
    return conn.execute("SELECT coalesce(sum(runs), 0)::int AS n FROM template_days").fetchone()[
        "n"
    ]


def test_what_was_counted_is_not_counted_again(conn):
    end(conn, count=3)
    end(conn, "failed")

    assert [counts.count(conn) for _ in range(3)] == [4, 0, 0]

    assert ended(conn) == {("deploy", "succeeded"): 3, ("deploy", "failed"): 1}
    assert in_days(conn) == 4


def test_an_end_that_commits_late_is_counted_when_it_does(conn, other):
    with other.transaction():
        end(other)  # its note has the smaller id
        end(conn, "failed")
        assert counts.count(conn) == 1
        assert ended(conn) == {("deploy", "failed"): 1}

    counts.count(conn)

    assert ended(conn) == {("deploy", "failed"): 1, ("deploy", "succeeded"): 1}
    assert in_days(conn) == 2


def test_an_end_that_is_taken_back_is_not_counted(conn, other):
    with other.transaction(force_rollback=True):
        end(other)
        counts.count(conn)

    assert counts.count(conn) == 0
    assert ended(conn) == {}


def test_a_count_that_is_broken_off_is_none(conn, other):
    end(conn, count=5)
    with other.transaction(force_rollback=True):
        assert counts.count(other) == 5
        assert counts.count(conn) == 0  # meanwhile nobody else counts these, or waits

    assert counts.count(conn) == 5
    assert in_days(conn) == 5


def test_many_that_count_at_once_count_everything_once(conn, database_url):
    each, many = 4, 300
    barrier = Barrier(each * 2)

    def make(number):
        with connect(database_url) as mine:
            barrier.wait()
            for n in range(many):
                end(mine, ("succeeded", "failed")[n % 2], template=f"t{(n + number) % 7}")

    def count(_):
        with connect(database_url) as mine:
            barrier.wait()
            return sum(counts.count(mine, limit=7) for _ in range(many))

    with ThreadPoolExecutor(each * 2) as pool:
        made = [pool.submit(make, number) for number in range(each)]
        counted = sum(pool.map(count, range(each)))
        for future in made:
            future.result()
    while batch := counts.count(conn):
        counted += batch

    assert counted == in_days(conn) == sum(ended(conn).values()) == each * many


def test_metrics_name_so_many_templates_and_count_the_rest_together(conn, monkeypatch):
    monkeypatch.setattr(counts, "MOST_TEMPLATES", 2)
    for round_of in (("b",), ("a", "c", "d"), ("b", "d", "e")):
        for template in round_of:
            end(conn, template=template)
        counts.count(conn)

    assert ended(conn) == {
        ("b", "succeeded"): 2,
        ("a", "succeeded"): 1,
        (counts.OTHERS, "succeeded"): 4,
    }


def test_stops_are_counted_by_how_long_they_took_and_whether_they_were_forced(conn):
    for force, stop_seconds in ((False, 0.5), (False, 0.51), (True, 0.004), (True, 9000.0)):
        end(conn, "stopped", force=force, stop_seconds=stop_seconds)
    end(conn, "stopped", seconds=None, stop_seconds=0.0)  # nobody had claimed it
    counts.count(conn)

    read = counts.read(conn)

    assert read["stop_seconds"] == {
        ("false", "0.5"): 1,  # a bucket has its end
        ("false", "1"): 1,
        ("true", "0.01"): 1,
        ("true", "+Inf"): 1,
    }
    assert read["stop_seconds_sum"] == {
        ("false",): pytest.approx(1.01),
        ("true",): pytest.approx(9000.004),
    }


def test_output_is_added_up(conn):
    for output_bytes in (0, 1000, 24):
        end(conn, output_bytes=output_bytes)
    counts.count(conn)

    assert counts.read(conn)["output_bytes"] == {(): 1024}


def test_counters_stay_when_the_rows_go(conn):
    run_ids = end(conn, count=3)
    counts.count(conn)
    conn.execute("DELETE FROM runs WHERE id = ANY(%s)", [run_ids])
    counts.count(conn)

    assert ended(conn) == {("deploy", "succeeded"): 3}
    days, together = statistics.of_template(conn, "deploy", days=1)
    assert (together.runs, len(days)) == (3, 1)


def test_a_watchdog_counts_in_its_rounds_and_goes_on_when_it_cannot(bench, start, conn):
    conn.execute("INSERT INTO uncounted (name, labels, value) VALUES ('poison', '{}', 'NaN')")
    conn.execute("ALTER TABLE counters ADD CONSTRAINT no_poison CHECK (name <> 'poison')")
    start(RUNNER_LEASE="3")
    rounds = "SELECT rounds FROM watch"
    wait_until(lambda: conn.execute(rounds).fetchone()["rounds"] > 2)
    end(conn)
    assert ended(conn) == {}

    conn.execute("ALTER TABLE counters DROP CONSTRAINT no_poison")

    wait_until(lambda: ended(conn) == {("deploy", "succeeded"): 1})
