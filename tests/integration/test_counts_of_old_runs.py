"""Runs of a Curtain that did not count: all are in the statistics after an upgrade, each once."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg.rows import dict_row

from runner.store import counts, migrate
from runner.store.connection import connect
from tests.ended import end

NUMBER = "0009"


@pytest.fixture
def old_url(services, server, worker, numbers, monkeypatch):
    """A database as the version before had it."""
    name = f"old_{worker}_{next(numbers)}"
    server.execute(f"CREATE DATABASE {name}")
    url = services["postgres"].replace("/postgres?", f"/{name}?")
    everything = migrate._migrations()
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "_migrations", lambda: [m for m in everything if m[0] < NUMBER])
        migrate.migrate(url)
    yield url
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def old(old_url):
    """A connection to it."""
    with psycopg.connect(old_url, autocommit=True, row_factory=dict_row) as conn:
        yield conn


def test_each_run_of_before_is_counted_once_whenever_it_ends(old, old_url):
    end(old, count=50)
    end(old, "failed", count=4)
    queue = """INSERT INTO runs (template, spec, trigger, triggered_by)
               SELECT 'deploy', '{}', 'api', 'ada' FROM generate_series(1, 4) RETURNING id"""
    waiting = [row["id"] for row in old.execute(queue).fetchall()]
    end(old, count=50)

    migrate.migrate(old_url)

    fail = """UPDATE runs SET state = 'failed', finished_at = now(), output_complete = true
               WHERE id = %s"""
    old.execute(fail, [waiting[0]])  # before the runs of before are looked through
    assert counts.count_old(old, limit=53)
    old.execute(fail, [waiting[1]])  # the look has passed it
    end(old, "stopped", count=3)
    with ThreadPoolExecutor() as pool:  # two watchdogs
        for _ in range(4):
            list(pool.map(lambda _: count_all(old_url), range(2)))
    old.execute(fail, [waiting[2]])  # and after it
    counts.count(old)

    days = old.execute("SELECT state, sum(runs)::int AS n FROM template_days GROUP BY 1").fetchall()
    assert {row["state"]: row["n"] for row in days} == {
        "succeeded": 100,
        "failed": 4 + 3,
        "stopped": 3,
    }
    assert not counts.count_old(old)


def count_all(url):
    """What a round of a watchdog counts."""
    with connect(url) as conn:
        counts.count(conn)
        return counts.count_old(conn, limit=20)


def test_runs_of_before_do_not_look_as_if_they_had_ended_now(old, old_url):
    end(old, "lost", count=3)
    migrate.migrate(old_url)

    while counts.count_old(old):
        pass
    counts.count(old)

    assert counts.read(old) == {}


def test_an_empty_database_has_no_runs_of_before(conn):
    assert not counts.count_old(conn)
