"""A release migrates the schema while runners of the version before play."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.rows import dict_row

from runner.run import RunState
from runner.store import runs
from runner.store.connection import ANSWER, connect
from runner.store.migrate import LOCK, migrate
from tests import playbooks
from tests.ended import end
from tests.runners import SPEC
from tests.waiting import wait_until

#: The migration that waits for the lock of another, or for a transaction to end.
WAITING = """SELECT 1 FROM pg_stat_activity
              WHERE datname = current_database() AND query LIKE 'SELECT pg_try_advisory_lock%%'"""
INDEXING = """SELECT 1 FROM pg_stat_activity
               WHERE datname = current_database() AND wait_event = 'virtualxid'"""
#: One that waits for a table.
BLOCKED = """SELECT 1 FROM pg_stat_activity
              WHERE datname = current_database() AND wait_event_type = 'Lock'"""


@pytest.fixture
def busy(database_url):
    """A connection that has asked the same often enough for the server to keep the plan."""
    with connect(database_url) as conn:
        for _ in range(10):
            runs.find(conn, 1)
        yield conn


def test_a_question_is_answered_after_a_column_was_added(conn, busy):
    conn.execute("ALTER TABLE runs ADD COLUMN of_tomorrow text DEFAULT 'x'")

    assert runs.find(busy, 1) is None


def test_a_migration_waits_for_another_as_long_as_it_takes(database_url, conn):
    """Longer than any statement of a runner may: a large table takes its time."""
    other = psycopg.connect(database_url, autocommit=True)
    other.execute("SELECT pg_advisory_lock(%s)", [LOCK])
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(migrate, database_url)
        wait_until(lambda: conn.execute(WAITING).fetchone())
        with pytest.raises(TimeoutError):
            waiting.result(timeout=ANSWER + 0.5)
        other.close()

        assert waiting.result(timeout=60) == []


def test_runs_are_made_while_indexes_of_all_of_them_are(old_url):
    with (
        psycopg.connect(old_url, autocommit=True, row_factory=dict_row) as conn,
        psycopg.connect(old_url, row_factory=dict_row) as busy,
        ThreadPoolExecutor() as pool,
    ):
        end(conn, count=5)
        busy.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        busy.execute("SELECT 1")  # and it is in no hurry to end
        migrating = [pool.submit(migrate, old_url) for _ in range(3)]
        wait_until(lambda: conn.execute(INDEXING).fetchone())
        end(conn, "failed", count=5)
        busy.rollback()
        applied = [each.result(timeout=30) for each in migrating]

        assert sorted(map(len, applied))[:2] == [0, 0]
        assert conn.execute("SELECT FROM pg_index WHERE NOT indisvalid").fetchall() == []


def test_nobody_queues_behind_a_migration_that_waits_for_a_long_reader(old_url):
    """A lock that is waited for is in the way of all that ask after it: stops and renewals, too."""
    with (
        psycopg.connect(old_url, autocommit=True, row_factory=dict_row) as conn,
        psycopg.connect(old_url) as reading,
        ThreadPoolExecutor() as pool,
    ):
        end(conn, count=1)
        reading.execute("SELECT count(*) FROM runs")  # and it is in no hurry to end
        migrating = pool.submit(migrate, old_url)
        wait_until(lambda: conn.execute(BLOCKED).fetchone())
        conn.execute("SET lock_timeout = '5s'")
        end(conn, count=1)  # longer than a migration waits, and shorter than the reader reads
        assert not migrating.done()
        reading.rollback()

        assert migrating.result(timeout=30)


def test_indexes_of_a_migration_that_was_killed_are_made_anew(old_url):
    with psycopg.connect(old_url, autocommit=True, row_factory=dict_row) as conn:
        conn.execute("CREATE INDEX runs_listed ON runs (id)")  # as far as it had come
        migrate(old_url)

        made = conn.execute("SELECT pg_get_indexdef('runs_listed'::regclass) AS made").fetchone()
    assert "(state, trigger, id DESC NULLS LAST)" in made["made"]


def test_a_run_outlives_a_migration(bench, runner, playbook, conn):
    url = playbook(playbooks.SLEEPING).url
    for _ in range(6):  # until the runner's statements are kept plans
        first = bench.trigger(url, timeout=SPEC["timeout"])
        bench.await_output(first, b"ready")
        bench.stop(first, force=True)
        bench.await_final(first)
    run = bench.trigger(url)
    bench.await_output(run, b"ready")

    conn.execute("ALTER TABLE runs ADD COLUMN of_tomorrow text DEFAULT 'x'")
    bench.stop(run)
    final = bench.await_final(run)

    assert (final.state, final.output_complete) == (RunState.STOPPED, True)
    assert [event.kind for event in bench.events(run)][-1] == "stopped"
    assert "Postgres refuses" not in runner.log.read_text()
    assert bench.family(run) == []
