"""Runners and watchdogs that stand still past their lease, and go on when all is decided."""

import signal
import threading
import time
from uuid import uuid4

import psutil
import psycopg
import pytest

from runner import caretaker, clients, machine
from runner.run import Run, RunState, StopOutcome, Trigger
from runner.settings import Settings
from runner.store import claims, moves, runs, stops
from runner.store.connection import Line
from runner.wanted import Wanted
from runner.watchdog import Watchdog
from tests import playbooks
from tests.waiting import wait_until

LEASE = "2"

#: Lets nobody record a leader for as long as somebody has this lock.
HOLD_REGISTRATIONS = """
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1);
    RETURN NEW;
END $$;
CREATE TRIGGER hold BEFORE UPDATE OF leader_pid ON runs FOR EACH ROW
    WHEN (NEW.leader_pid IS NOT NULL) EXECUTE FUNCTION hold();
SELECT pg_advisory_lock(1);
"""
HELD = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory'"

#: Ends while its runner stands still, having written more than was read.
ENDING = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="ready"
    - wait_for: path={file} timeout=60
    - shell: exit 3
"""


@pytest.fixture
def watchdogs(bench):
    """Makes watchdogs of this process, as if each were one of its own."""
    made = []

    def make(name="watchdog", **environ):
        settings = Settings.from_environ({**bench.environ, "RUNNER_LEASE": LEASE, **environ})
        line = Line(settings.database_url)
        made.append(line)
        watchdog = Watchdog(settings, clients.connect(settings.redis_url), line)
        watchdog.name = f"{name} {machine.process_name(settings.machine)}"
        return watchdog

    yield make
    for line in made:
        line.conn().close()


@pytest.fixture
def freeze(bench, start, playbook):
    """Starts a runner, lets it play, and freezes it."""

    def freeze_one(text=playbooks.SLEEPING, **spec):
        runner = start(RUNNER_LEASE=LEASE)
        run = bench.trigger(playbook(text).url, **spec)
        bench.await_output(run, b"ready")
        runner.process.send_signal(signal.SIGSTOP)
        return runner, run

    return freeze_one


@pytest.fixture
def freeze_at_the_gate(bench, start, playbook):
    """Freezes a runner of another machine that is about to record its leader, and never will."""

    def freeze_one(**spec):
        runner = start(RUNNER_LEASE=LEASE, RUNNER_MACHINE="there")
        bench.conn.execute(HOLD_REGISTRATIONS)
        run = bench.trigger(playbook(playbooks.SLEEPING).url, **spec)
        [held] = wait_until(lambda: bench.conn.execute(HELD).fetchall())
        runner.process.send_signal(signal.SIGSTOP)
        bench.conn.execute("SELECT pg_terminate_backend(%s)", [held["pid"]])
        bench.conn.execute("SELECT pg_advisory_unlock(1)")
        assert bench.family(run)
        return runner, run

    return freeze_one


def settle(bench, watchdog, run: Run) -> Run:
    """Let rounds follow each other until the run is final."""
    wait_until(lambda: watchdog.reconcile() and bench.find(run).is_final, interval=0.1)
    return bench.find(run)


def thaw(bench, runner, run: Run) -> Run:
    """Let a runner go on, and wait until it has said its last word on the run."""
    runner.process.send_signal(signal.SIGCONT)
    return wait_until(lambda: (now := bench.find(run)).late_result and now)


def sleepers(bench, run):
    """What the playbook's last task has started; Ansible's own shells end with a `sleep 0`."""
    asleep = [member for member in bench.family(run) if member.command.startswith("sleep ")]
    return [member for member in asleep if member.command != "sleep 0"]


def finals(bench, run):
    """The kinds of the events that made it final."""
    return [e.kind for e in bench.events(run) if RunState(e.state).is_final and e.kind == e.state]


@pytest.mark.parametrize(
    ("text", "force", "outcome"),
    [
        (playbooks.SLEEPING, False, StopOutcome.TERMINATED),
        (playbooks.IGNORING, False, StopOutcome.KILLED),
        (playbooks.DOUBLE_FORK, True, StopOutcome.KILLED),
    ],
    ids=["obedient", "ignoring", "forced"],
)
def test_a_run_whose_runner_is_frozen_is_stopped(bench, freeze, watchdogs, text, force, outcome):
    runner, run = freeze(text)
    wait_until(lambda: sleepers(bench, run))
    stops.request_stop(bench.conn, run.id, by="grace", reason="now", force=force)

    final = settle(bench, watchdogs(), run)

    assert (final.state, final.stop_outcome) == (RunState.STOPPED, outcome)
    assert final.message == "stopped by grace: now"
    assert bench.family(run) == []
    printed = bench.output(run)
    thawed = thaw(bench, runner, run)
    assert (thawed.state, thawed.message) == (final.state, final.message)
    assert bench.output(run) == printed
    assert finals(bench, run) == ["stopped"]
    assert runner.terminate() == 0


def test_a_run_that_ends_while_its_runner_is_frozen_has_its_true_exit_code(
    bench, freeze, watchdogs, tmp_path
):
    go = tmp_path / "go"
    runner, run = freeze(ENDING.format(file=go))
    watchdog = watchdogs()
    go.touch()

    final = settle(bench, watchdog, run)

    assert (final.state, final.exit_code) == (RunState.FAILED, 2)
    assert not final.output_complete
    printed = bench.output(run)
    assert thaw(bench, runner, run).state is RunState.FAILED
    assert bench.output(run) == printed
    assert finals(bench, run) == ["failed"]
    assert bench.family(run) == []


def test_a_time_limit_holds_while_the_runner_is_frozen(bench, freeze, watchdogs):
    runner, run = freeze(playbooks.IGNORING, timeout=8)

    final = settle(bench, watchdogs(), run)

    assert final.state is RunState.TIMED_OUT
    assert "time limit of 8 seconds" in final.message
    assert bench.family(run) == []
    assert thaw(bench, runner, run).state is RunState.TIMED_OUT


def test_a_playbook_goes_on_while_its_runner_is_frozen(bench, freeze, watchdogs):
    runner, run = freeze()
    watchdog = watchdogs()
    wait_until(lambda: watchdog.reconcile().unbroken > float(LEASE) and bench.find(run).stale)

    watchdog.reconcile()

    now = bench.find(run)
    assert (now.state, now.stale) == (RunState.RUNNING, True)
    assert bench.family(run)
    runner.process.send_signal(signal.SIGCONT)
    wait_until(lambda: not bench.find(run).stale)
    bench.stop(run)
    assert bench.await_final(run).state is RunState.STOPPED
    assert bench.family(run) == []


def test_a_frozen_keeper_does_not_save_its_family(bench, freeze, watchdogs):
    """As when the whole container stands still, but for the watchdog's."""
    runner, run = freeze()
    keeper = psutil.Process(bench.find(run).keeper_pid)
    keeper.suspend()
    stops.request_stop(bench.conn, run.id, by="grace", reason=None, force=False)

    final = settle(bench, watchdogs(), run)

    assert (final.state, final.stop_outcome) == (RunState.STOPPED, StopOutcome.TERMINATED)
    assert bench.family(run) == []
    thaw(bench, runner, run)
    wait_until(lambda: not keeper.is_running())


def test_nobody_waits_at_the_gate_of_a_run_that_another_machine_has_stopped(
    bench, freeze_at_the_gate, watchdogs
):
    """That machine sees none of it: the keeper beside the frozen runner has ended the leader."""
    runner, run = freeze_at_the_gate()
    stops.request_stop(bench.conn, run.id, by="grace", reason=None, force=False)

    final = settle(bench, watchdogs(RUNNER_MACHINE="here"), run)

    assert bench.family(run) == []
    assert (final.state, final.stop_outcome) == (RunState.STOPPED, StopOutcome.NEVER_STARTED)
    assert thaw(bench, runner, run).state is RunState.STOPPED
    assert finals(bench, run) == ["stopped"]


def test_a_run_whose_runner_thaws_behind_a_shut_gate_is_queued_again(bench, freeze_at_the_gate):
    """Nobody has judged it meanwhile, so the runner itself gives it back, and plays it then."""
    runner, run = freeze_at_the_gate()
    wait_until(lambda: bench.family(run) == [])

    runner.process.send_signal(signal.SIGCONT)

    bench.await_output(run, b"ready")
    kinds = [event.kind for event in bench.events(run)]
    # A slow machine may come too late for the gate once more.
    assert kinds.count("claimed") == kinds.count("released") + 1 > 1
    assert bench.find(run).attempt == 1
    bench.stop(run)
    assert bench.await_final(run).state is RunState.STOPPED
    assert bench.family(run) == []


def test_of_two_watchdogs_one_settles(bench, freeze, watchdogs):
    runner, run = freeze()
    runner.kill()
    wait_until(lambda: bench.family(run) == [])
    pair = [watchdogs("first"), watchdogs("second")]
    barrier = threading.Barrier(2)

    def watch(watchdog):
        barrier.wait()
        for _ in range(3):
            watchdog.reconcile()

    threads = [threading.Thread(target=watch, args=(each,)) for each in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert bench.find(run).state is RunState.INTERRUPTED
    assert finals(bench, run) == ["interrupted"]
    assert len(bench.events(run, "adopted")) == 1
    counts = bench.conn.execute("SELECT verdicts FROM watch").fetchone()["verdicts"]
    assert counts == {"settled": 1}


def test_a_watchdog_frozen_before_its_verdict_changes_nothing_after_anothers(
    bench, freeze, watchdogs, monkeypatch
):
    runner, run = freeze()
    runner.kill()
    wait_until(lambda: bench.family(run) == [])
    slow, quick = watchdogs("slow"), watchdogs("quick")
    adopted, thawed = threading.Event(), threading.Event()

    def stand_still(*given, **named):
        if threading.current_thread() is thread:
            adopted.set()
            assert thawed.wait(60)
        return settled(*given, **named)

    settled = caretaker.settle
    monkeypatch.setattr(caretaker, "settle", stand_still)
    thread = threading.Thread(target=slow.reconcile)
    thread.start()
    assert adopted.wait(60)
    final = settle(bench, quick, run)
    thawed.set()
    thread.join()

    assert bench.find(run) == final
    assert final.holder.startswith("quick")
    assert finals(bench, run) == ["interrupted"]
    slow.reconcile()
    assert bench.find(run) == final


def test_a_watchdog_that_thaws_leaves_the_family_of_the_next_attempt_alone(
    bench, freeze, start, watchdogs, monkeypatch
):
    """It had adopted the run and was about to end what was left of the first attempt."""
    runner, run = freeze(on_interrupt="requeue")
    runner.kill()
    wait_until(lambda: bench.family(run) == [])
    slow, quick = watchdogs("slow"), watchdogs("quick")
    adopted, thawed = threading.Event(), threading.Event()

    def stand_still(estate, *given):
        if threading.current_thread() is thread:
            adopted.set()
            assert thawed.wait(60)
        return end(estate, *given)

    end = caretaker.Estate.end
    monkeypatch.setattr(caretaker.Estate, "end", stand_still)
    thread = threading.Thread(target=slow.reconcile)
    thread.start()
    assert adopted.wait(60)
    wait_until(lambda: quick.reconcile() and bench.find(run).state is RunState.QUEUED, interval=0.1)
    start()
    wait_until(lambda: bench.output(run).count(b"ready") == 2)
    sleeping = wait_until(lambda: sleepers(bench, run))
    thawed.set()
    thread.join()

    assert bench.find(run).state is RunState.RUNNING
    assert sleepers(bench, run) == sleeping
    bench.stop(run)
    assert bench.await_final(run).state is RunState.STOPPED
    assert bench.family(run) == []


def test_a_watchdog_that_was_frozen_itself_condemns_nobody_at_once(bench, freeze, watchdogs):
    """All leases may have run out while it, and the Postgres that it saw, stood still."""
    _, run = freeze()
    watchdog = watchdogs()
    wait_until(lambda: watchdog.reconcile().unbroken > float(LEASE), interval=0.1)
    stops.request_stop(bench.conn, run.id, by="grace", reason=None, force=False)
    watchdog._sight._looked_at -= 60

    assert watchdog.reconcile().unbroken == 0.0
    assert bench.find(run).state is RunState.RUNNING

    assert settle(bench, watchdog, run).state is RunState.STOPPED
    assert bench.family(run) == []


def test_a_watchdog_that_stands_still_in_its_round_condemns_nobody_at_once(bench, watchdogs):
    """It has waited for a migration's lock, as the owners of all leases have."""
    watchdog = watchdogs()
    wait_until(lambda: watchdog.reconcile().unbroken > float(LEASE), interval=0.1)
    wanted = Wanted(template="test", spec=bench.spec, trigger=Trigger.API, by="ada")
    run = runs.insert(bench.conn, wanted)
    names = {"runner": "there.1.2", "machine": "there", "boot": "b"}
    claimed = claims.claim(bench.conn, run.id, token=uuid4(), lease=float(LEASE), **names)
    moves.register(bench.conn, claimed, leader=1, created=1, keeper=1, directory="/nonexistent")
    with psycopg.connect(bench.environ["DATABASE_URL"]) as other:
        other.execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
        thread = threading.Thread(target=watchdog.reconcile)
        thread.start()
        until = time.monotonic() + 1.5 * float(LEASE)
        wait_until(lambda: time.monotonic() > until)
    thread.join()

    assert bench.find(run).stale
    assert bench.find(run).state is RunState.RUNNING

    assert settle(bench, watchdog, run).state is RunState.LOST


def test_a_watchdog_calls_for_a_person_when_a_stop_is_stuck(bench, watchdogs, caplog):
    wanted = Wanted(template="test", spec=bench.spec, trigger=Trigger.API, by="ada")
    run = runs.insert(bench.conn, wanted)
    names = {"runner": "there.1.2", "machine": "there", "boot": "b"}
    claims.claim(bench.conn, run.id, token=uuid4(), lease=60, **names)
    stops.request_stop(bench.conn, run.id, by="grace", reason=None, force=False)
    bench.conn.execute("UPDATE runs SET stop_requested_at = now() - interval '15 s'")
    watchdog = watchdogs()

    for _ in range(2):
        watchdog.reconcile()

    told = [record for record in caplog.records if "stuck stopping" in record.message]
    assert [record.levelname for record in told] == ["ERROR"]
    assert "runner there.1.2 on there" in told[0].message
