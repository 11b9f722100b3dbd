"""Due times at which several look at once: each is run once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from runner import due, queue
from runner.due import Times
from runner.schedule import Schedule
from runner.store import schedules
from runner.store.connection import connect
from runner.store.schedules import Kept
from tests.integration.firing.fired import fire_now, made
from tests.runners import ROOT
from tests.waiting import wait_until


def test_many_at_once_make_one_run_of_each_due_time(database_url, conn, make_due):
    """All have seen it due before the first of them moves it on."""
    workers, rounds = 8, 10
    together = Barrier(workers)

    def look(_):
        with connect(database_url) as own:
            fired = []
            for number in range(rounds):
                if together.wait() == 0:
                    make_due(f"schedule-{number}")
                together.wait()
                [seen] = [
                    each
                    for each in schedules.due(own, limit=100)
                    if each.name == f"schedule-{number}"
                ]
                together.wait()
                fired.append(fire_now(own, seen))
            return fired

    with ThreadPoolExecutor(workers) as pool:
        fired = list(pool.map(look, range(workers)))

    for number in range(rounds):
        assert sum(own[number] is not None for own in fired) == 1
    assert sorted(run.schedule["name"] for run in made(conn)) == sorted(
        f"schedule-{number}" for number in range(rounds)
    )


def test_two_watchdogs_that_both_have_the_watch_fire_once(conn, redis, make_due, make_watchdog):
    for number in range(20):
        make_due(f"schedule-{number}")
    watchdogs, together = [make_watchdog(), make_watchdog()], Barrier(2)

    def reconcile(watchdog):
        together.wait()
        watchdog.reconcile()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(reconcile, watchdogs))

    names = [run.schedule["name"] for run in made(conn)]
    assert sorted(names) == sorted(f"schedule-{number}" for number in range(20))
    assert queue.waiting(redis) == {run.id for run in made(conn)}


def test_who_is_killed_in_between_has_fired_nothing(
    database_url, conn, make_due, make_watchdog, caplog
):
    seen = make_due()
    command = [sys.executable, "tests/children/firing.py", database_url]
    environ = {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout.readline().strip().isdigit()  # a run that nobody else sees
        make_watchdog().reconcile()
        assert made(conn) == []
        assert "nightly: it is tried again in the next round" in caplog.text
        child.kill()

    wait_until(lambda: make_watchdog().reconcile() and made(conn))
    make_watchdog().reconcile()

    [run] = made(conn)
    assert run.schedule["due"] == seen.next_at.isoformat()


@pytest.mark.parametrize("mode", ["EXCLUSIVE", "ACCESS EXCLUSIVE"])
def test_a_lock_on_all_schedules_holds_no_round_up(
    database_url, conn, make_due, make_watchdog, mode
):
    for number in range(40):
        make_due(f"schedule-{number}")
    with connect(database_url) as other, other.transaction():
        other.execute(f"LOCK TABLE schedules IN {mode} MODE")
        seconds = make_watchdog().reconcile().seconds

    assert seconds < 30  # each by itself gives up after a second
    make_watchdog().reconcile()
    assert len(made(conn)) == 40


@pytest.mark.parametrize("change", ["put", "delete", "pause"])
def test_what_has_changed_since_it_was_seen_is_looked_at_again(conn, make_due, change):
    seen = make_due()
    kept = Kept(seen.spec, [], None)
    if change == "put":
        schedules.put(conn, "nightly", kept, Times(seen.next_at, seen.fire_at), "bob")
    elif change == "delete":
        schedules.delete(conn, "nightly")
    else:
        schedules.put(conn, "nightly", kept, Times(None, None), "bob")

    assert fire_now(conn, seen) is None

    assert made(conn) == []
    assert len(schedules.due(conn, limit=10)) == (change == "put")


def test_who_puts_waits_for_who_fires_and_doubles_nothing(database_url, conn, make_due):
    """The schedule is put as it was, while its due time is being fired."""
    seen = make_due()
    schedule = Schedule.model_validate(seen.spec)
    with ThreadPoolExecutor(1) as pool, connect(database_url) as firing:

        def put():
            with connect(database_url) as own, own.transaction():
                before, now = schedules.hold(own, "nightly")
                known = Times(before.next_at, before.fire_at)
                times = due.renewed(
                    "nightly", schedule, now, was=schedule, before=known, last_at=before.last_at
                )
                schedules.put(own, "nightly", Kept(before.spec, [], None), times, "bob")

        with firing.transaction():
            assert fire_now(firing, seen) is not None
            putting = pool.submit(put)
            waits = "SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            wait_until(lambda: conn.execute(waits).fetchone()["n"])
        putting.result(timeout=60)

    assert len(made(conn)) == 1
    assert schedules.find(conn, "nightly").next_at > seen.next_at
