"""Moves in Postgres: guarded, noted in the same statement, and final for good."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from runner.judge import Verdict
from runner.run import RunState, StopOutcome, Trigger
from runner.store import claims, events, health, leases, moves, output, runs, stops, verdicts, watch
from runner.store.connection import connect
from runner.wanted import Wanted
from tests.waiting import wait_until

SPEC = {"timeout": 60, "grace": 10, "queue_timeout": None}
DONE = Verdict(state=RunState.SUCCEEDED, message="done", exit_code=0)


@pytest.fixture
def make_run(conn):
    """A queued run."""

    def make(**spec):
        wanted = Wanted(template="deploy", spec={**SPEC, **spec}, trigger=Trigger.API, by="ada")
        return runs.insert(conn, wanted)

    return make


@pytest.fixture
def make_running(conn, make_run):
    """A claimed run."""

    def make(lease=30.0, **spec):
        return claim(conn, make_run(**spec).id, lease)

    return make


def claim(conn, run_id, lease=30.0):
    names = {"runner": "here.1.2", "machine": "here", "boot": "b"}
    return claims.claim(conn, run_id, token=uuid.uuid4(), lease=lease, **names)


def kinds(conn, run):
    return [event.kind for event in events.page(conn, run.id, after=0, limit=100)]


def finish(conn, run, verdict=DONE):
    return moves.finish(conn, run, verdict, actor="here", complete=True, truncated=False)


LEFT = ({"pid": 20, "created": 200, "sid": 19, "command": "sleep 300"},)


@pytest.mark.parametrize("state", [RunState.SUCCEEDED, RunState.FAILED])
def test_what_an_end_leaves_is_in_its_row_and_its_event(conn, make_running, state):
    ended = finish(conn, make_running(), replace(DONE, state=state, left_running=LEFT))
    last = events.page(conn, ended.id, after=0, limit=100)[-1]

    assert ended.left_running == list(LEFT) == last.detail["left_running"]


@pytest.mark.parametrize("state", [RunState.STOPPED, RunState.TIMED_OUT, RunState.INTERRUPTED])
def test_an_end_that_was_asked_for_can_leave_nothing(conn, make_running, state):
    run = make_running()
    stops.request_stop(conn, run.id, by="grace", reason=None, force=False)

    with pytest.raises(psycopg.errors.CheckViolation, match="left_by_an_end_of_its_own"):
        finish(conn, run, replace(DONE, state=state, left_running=LEFT))


def test_a_run_is_claimed_once(conn, make_run):
    run = make_run()

    assert claim(conn, run.id).state is RunState.RUNNING
    assert claim(conn, run.id) is None
    assert kinds(conn, run) == ["queued", "claimed"]


def test_stopping_a_queued_run_ends_it_at_once(conn, make_run):
    run = stops.request_stop(conn, make_run().id, by="grace", reason="late", force=False)

    assert run.state is RunState.STOPPED
    assert run.stop_outcome is StopOutcome.NEVER_STARTED
    assert run.message == "stopped by grace before it was started: late"
    assert claim(conn, run.id) is None
    assert kinds(conn, run) == ["queued", "stopped"]


def test_stopping_a_running_run_is_a_note_on_its_row(conn, make_running):
    run = stops.request_stop(conn, make_running().id, by="grace", reason="late", force=False)

    assert run.state is RunState.RUNNING
    assert run.is_stopping
    assert (run.stop_requested_by, run.stop_reason) == ("grace", "late")


def test_only_a_force_changes_a_stop_that_was_asked(conn, make_running):
    run = make_running()
    first = stops.request_stop(conn, run.id, by="grace", reason="one", force=False)

    assert stops.request_stop(conn, run.id, by="eve", reason="two", force=False) is None
    forced = stops.request_stop(conn, run.id, by="ada", reason="three", force=True)
    assert stops.request_stop(conn, run.id, by="eve", reason="four", force=True) is None

    assert (forced.stop_requested_at, forced.stop_reason) == (first.stop_requested_at, "one")
    assert (forced.stop_requested_by, forced.force_requested_by) == ("grace", "ada")
    assert kinds(conn, run)[-2:] == ["stop_requested", "force_requested"]


def test_only_the_holder_of_the_lease_finishes(conn, make_running):
    run = make_running(lease=0.0)
    adopted = verdicts.adopt(conn, run, actor="watchdog", token=uuid.uuid4(), lease=30)

    assert finish(conn, run) is None
    assert finish(conn, adopted).state is RunState.SUCCEEDED
    assert finish(conn, adopted) is None
    assert kinds(conn, run)[-1] == "succeeded"


def test_a_final_row_is_never_changed(conn, make_running):
    run = finish(conn, make_running())

    assert stops.request_stop(conn, run.id, by="grace", reason=None, force=True) is None
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="never changed"):
        conn.execute("UPDATE runs SET message = 'other' WHERE id = %s", [run.id])

    assert runs.find(conn, run.id) == run


def test_what_comes_too_late_is_kept_beside_once(conn, make_running):
    run = make_running(lease=0.0)
    lost = verdicts.lose(conn, run, actor="watchdog", message="gone")

    assert lost.state is RunState.LOST
    assert verdicts.record_late(conn, run, {"state": "succeeded"})
    assert not verdicts.record_late(conn, run, {"state": "failed"})

    assert runs.find(conn, run.id).late_result == {"state": "succeeded"}
    assert runs.find(conn, run.id).state is RunState.LOST


def test_what_was_another_attempt_comes_too_late_for_this_one(conn, make_running):
    first = make_running(on_interrupt="requeue")
    interrupted = Verdict(state=RunState.INTERRUPTED, message="shut down")
    moves.requeue(conn, first, interrupted, actor="here", complete=True, truncated=False)
    second = finish(conn, claim(conn, first.id))

    assert not verdicts.record_late(conn, first, {"state": "failed"})
    assert verdicts.record_late(conn, second, {"state": "failed"})


def test_a_lease_that_holds_is_not_lost(conn, make_running):
    run = make_running()

    assert verdicts.lose(conn, run, actor="watchdog", message="gone") is None


def test_renewing_tells_which_leases_are_held_no_longer(conn, make_running):
    mine, taken = make_running(), make_running()
    verdicts.adopt(conn, taken, actor="watchdog", token=uuid.uuid4(), lease=30)

    renewed = leases.renew(conn, [mine.lease_token, taken.lease_token], lease=30)

    assert list(renewed) == [mine.lease_token]


def test_a_stop_that_came_too_late_says_so(conn, make_running):
    run = make_running()
    stops.request_stop(conn, run.id, by="grace", reason=None, force=False)

    assert finish(conn, run).stop_outcome is StopOutcome.TOO_LATE


def test_a_run_is_released_only_before_its_leader_is_registered(conn, make_running):
    free, registered = make_running(), make_running()
    moves.register(conn, registered, leader=7, created=1, keeper=6, directory="/runs/1")

    released = moves.release(conn, free, actor="watchdog")
    kept = moves.release(conn, registered, actor="watchdog")

    assert (released.state, released.attempt) == (RunState.QUEUED, 0)
    assert kept is None
    assert moves.register(conn, free, leader=7, created=1, keeper=6, directory="/r") is None


def test_a_run_that_has_played_is_not_released_whatever_is_said_of_it(conn, make_running):
    """A playbook can write into its keeper's record that it never started."""
    run = moves.play(conn, make_running(), {})

    assert moves.release(conn, run, actor="watchdog", never_started=True) is None


def test_a_run_that_waited_too_long_has_failed(conn, make_run):
    patient, hurried = make_run(), make_run(queue_timeout=-1)

    assert claim(conn, hurried.id) is None
    assert [run.id for run in verdicts.expire(conn, actor="watchdog")] == [hurried.id]
    assert runs.find(conn, hurried.id).state is RunState.FAILED
    assert runs.find(conn, patient.id).state is RunState.QUEUED


def test_a_run_that_was_given_back_waits_anew(conn, make_running):
    """Its queue time-out passed while a runner had it, which is no time without a runner."""
    run = make_running(queue_timeout=60)
    conn.execute("UPDATE runs SET queue_expires_at = now() - interval '1 second'")

    released = moves.release(conn, run, actor="watchdog")

    assert released.queue_expires_at > released.queued_at
    assert verdicts.expire(conn, actor="watchdog") == []


def test_output_is_stored_by_the_holder_in_order_and_once(conn, make_running):
    run = make_running()

    assert output.append(conn, run.id, run.lease_token, 0, b"one")
    assert output.append(conn, run.id, run.lease_token, 0, b"one")
    assert output.append(conn, run.id, run.lease_token, 3, b"two")
    assert not output.append(conn, run.id, uuid.uuid4(), 6, b"stranger")
    assert not output.append(conn, run.id, run.lease_token, 9, b"gap")

    assert output.read(conn, run.id, 0).bytes == b"onetwo"
    assert output.read(conn, run.id, 2).bytes == b"etwo"
    assert output.read(conn, run.id, 2, limit=2).bytes == b"et"
    assert output.read(conn, run.id, 6).bytes == b""
    assert output.read(conn, run.id, 60).bytes == b""


def test_the_watch_is_one_watchdogs_until_its_lease_runs_out(conn):
    assert watch.take(conn, "first", lease=30)
    assert watch.take(conn, "first", lease=0)
    assert watch.take(conn, "second", lease=30)
    assert not watch.take(conn, "first", lease=30)

    watch.leave(conn, "second")

    assert watch.take(conn, "first", lease=30)


def test_rounds_are_counted_for_the_watch_and_verdicts_for_all(conn):
    watch.note(conn, "first", seconds=1.0, verdicts={"settled": 1})
    watch.take(conn, "first", lease=30)
    watch.note(conn, "first", seconds=2.0, verdicts={"settled": 1, "lost": 2})
    watch.note(conn, "first", seconds=3.0, verdicts={})
    watch.note(conn, "second", seconds=4.0, verdicts={"ended": 1})

    seen = health.read(conn)

    assert (seen.rounds, seen.round_seconds) == (2, 3.0)
    assert {kind: count for kind, count in seen.verdicts.items() if count} == {
        "settled": 2,
        "lost": 2,
        "ended": 1,
    }


def test_keeping_a_lease_is_not_a_sign_of_life_of_its_runner(conn, make_running):
    run = make_running()
    adopted = verdicts.adopt(conn, run, actor="watchdog", token=uuid.uuid4(), lease=0)

    kept = verdicts.keep(conn, adopted, lease=30)

    assert kept.heartbeat_at == run.heartbeat_at
    assert kept.lease_expires_at > adopted.lease_expires_at
    assert verdicts.keep(conn, run, lease=30) is None


def test_only_what_nobody_really_holds_is_looked_at(conn, make_running):
    held, silent = make_running(), make_running(lease=0.0)
    place = "here", "b"

    assert runs.holders_on(conn, *place) == {"here.1.2"}
    assert [run.id for run in runs.running_on(conn, *place)] == [held.id, silent.id]
    assert [run.id for run in runs.running_on(conn, *place, unless_held_by=["here.1.2"])] == [
        silent.id
    ]


def test_an_idempotency_key_makes_one_run(conn):
    wanted = Wanted(
        template="deploy", spec=SPEC, trigger=Trigger.API, by="ada", idempotency_key="k"
    )

    first = runs.insert(conn, wanted)

    assert runs.insert(conn, wanted) is None
    assert runs.find_by_key(conn, "ada", "k") == first
    assert runs.insert(conn, replace(wanted, by="eve")) is not None


def test_an_edited_migration_is_refused(conn, database_url):
    from runner.store.migrate import MigrationChanged, migrate, require_schema

    require_schema(conn)
    conn.execute("UPDATE migrations SET digest = 'other'")

    with pytest.raises(MigrationChanged, match="0001"):
        migrate(database_url)


def test_a_stop_that_meets_a_claim_is_not_lost(conn, database_url, make_run):
    """The claim is committed while the stop waits for the row."""
    run = make_run()
    with (
        connect(database_url) as claimer,
        connect(database_url) as stopper,
        ThreadPoolExecutor(1) as pool,
    ):
        claimer.execute("BEGIN")
        claim(claimer, run.id)
        how = {"by": "grace", "reason": "now", "force": True}
        stopping = pool.submit(stops.request_stop, stopper, run.id, **how)
        wait_until(lambda: waits_for_a_lock(conn))
        claimer.execute("COMMIT")
        stopped = stopping.result()

    assert stopped.state is RunState.RUNNING
    assert stopped.is_stopping
    assert stopped.force_requested_by == "grace"
    assert runs.find(conn, run.id) == stopped


def waits_for_a_lock(conn):
    return conn.execute(
        """SELECT 1 FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    ).fetchone()


def test_a_copy_of_the_database_is_another_installation(conn, server, database_url):
    name = conn.execute("SELECT current_database() AS name").fetchone()["name"]
    mine = runs.installation(conn)
    conn.close()
    server.execute(f"CREATE DATABASE {name}_copy TEMPLATE {name}")
    try:
        with connect(database_url.replace(name, f"{name}_copy")) as copy:
            assert runs.installation(copy) != mine
    finally:
        server.execute(f"DROP DATABASE {name}_copy WITH (FORCE)")
