"""What is forgotten, beside others who work on the same rows."""

import threading

import psycopg
import pytest
from psycopg.rows import dict_row

from runner import retention as module
from runner.run import Trigger
from runner.store import claims, forgetting, runs
from runner.wanted import Wanted
from tests.aged import aged, beside, do, keep, kept, retention
from tests.playbooks import HELLO
from tests.runners import SPEC
from tests.waiting import wait_until


def test_a_row_that_somebody_has_locked_is_passed_over(conn, database_url):
    """As one that a new key encrypts anew; it goes when it is free."""
    old = [aged(conn, days=days) for days in (50, 40, 35)]
    with psycopg.connect(database_url) as other:
        other.execute("SELECT FROM runs WHERE id = %s FOR UPDATE", [old[0].id])

        keep(conn, run_days=30)

        assert kept(conn) == [old[0].id]
        assert beside(conn, old[1].id) == {}

    keep(conn, run_days=30)

    assert kept(conn) == []


@pytest.mark.parametrize("table", ["run_output", "run_results"])
def test_a_table_that_somebody_has_locked_stops_nothing_else(conn, database_url, table):
    old = aged(conn, days=40)
    conn.execute(
        """INSERT INTO audit (actor, action, target, at) VALUES ('a', 'b', 'c', '2001-01-01')"""
    )
    with psycopg.connect(database_url) as other:
        other.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")

        keep(conn, run_days=30, audit_days=30)

        assert kept(conn) == []
        assert conn.execute("SELECT FROM audit").rowcount == 0
        other.rollback()
        assert table in beside(conn, old.id)

    keep(conn, run_days=30)

    assert beside(conn, old.id) == {}


def test_of_a_large_run_a_batch_goes_at_a_time_and_nobody_sees_the_rest(conn, monkeypatch):
    place = forgetting.PARTS["output"]._replace(rows=3)
    monkeypatch.setattr(forgetting, "PARTS", {"output": place})
    monkeypatch.setattr(module, "SHARE", 0.0)
    run = aged(conn, days=40, parts=tuple(b"%d\n" % number for number in range(10)))
    keeping = retention(run_days=30)

    left = []
    for _ in range(6):
        do(conn, keeping.chores())
        assert runs.find(conn, run.id) is None
        left.append(beside(conn, run.id).get("run_output", 0))

    assert left == [10, 7, 4, 1, 0, 0]


def test_a_claim_and_a_stop_wait_for_no_batch(conn, database_url):
    """The batch is held open: what it has locked is in nobody's way."""
    aged(conn, days=40)
    queued = runs.insert(conn, Wanted(template="deploy", spec=SPEC, trigger=Trigger.API, by="a"))
    with psycopg.connect(database_url, row_factory=dict_row) as batch:
        assert forgetting.forget_aged(batch, "deploy", days=30, limit=100) == 1
        conn.execute("SET statement_timeout = 2000")

        again = Wanted(template="deploy", spec=SPEC, trigger=Trigger.API, by="a")
        claim = {"runner": "r", "machine": "m", "boot": "b", "token": "0" * 32, "lease": 60.0}
        assert claims.claim(conn, queued.id, **claim) is not None
        assert runs.insert(conn, again) is not None
        assert len(kept(conn)) == 3


def test_two_who_forget_at_once_share_the_work(conn, database_url):
    old = [aged(conn, days=40) for _ in range(4)]
    with psycopg.connect(database_url, row_factory=dict_row) as batch:
        assert forgetting.forget_aged(batch, "deploy", days=30, limit=2) == 2

        assert forgetting.forget_aged(conn, "deploy", days=30, limit=100) == 2

    assert kept(conn) == []
    assert conn.execute("SELECT FROM forgotten").rowcount == 3 * len(old)


def test_a_watchdog_does_it_in_its_rounds(bench, start, conn, playbook):
    repository = playbook(HELLO)
    old = [aged(conn, days=40) for _ in range(3)]
    live = start(RUNNER_LEASE="3", CURTAIN_RUN_DAYS="30", CURTAIN_COMPRESS_DAYS="1")
    run = bench.trigger(repository.url)

    wait_until(
        lambda: kept(conn) == [run.id] and conn.execute("SELECT FROM forgotten").rowcount == 0,
    )
    assert [beside(conn, each.id) for each in old] == [{}, {}, {}]
    assert bench.await_final(run, 60).state == "succeeded"
    live.terminate()


def test_a_chore_ends_soon_though_all_is_locked(conn, database_url):
    aged(conn, days=40)
    done = threading.Event()
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE runs, run_output, forgotten IN ACCESS EXCLUSIVE MODE")

        def work():
            with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as mine:
                keep(mine, rounds=1, run_days=1, output_days=1, event_days=1, compress_days=1)
            done.set()

        thread = threading.Thread(target=work)
        thread.start()
        assert done.wait(60)  # it gave up while the lock was still held
        thread.join()
    assert len(kept(conn)) == 1
