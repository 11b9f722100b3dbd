"""Runs, while their runner is shut down."""

import os
import signal
from contextlib import suppress

from runner.run import RunState
from tests import playbooks
from tests.runners import idle_keepers
from tests.waiting import wait_until


def test_a_shutdown_interrupts_what_plays_and_leaves_what_waits(bench, start, counted, plays):
    first = start(RUNNER_SLOTS="1", RUNNER_DRAIN="0")
    url = counted(300)
    playing = bench.trigger(url)
    bench.await_output(playing, b"ready")
    queued = [bench.trigger(url) for _ in range(3)]

    assert first.terminate() == 0

    final = bench.find(playing)
    assert final.state is RunState.INTERRUPTED
    assert bench.family(playing) == []
    assert [bench.find(run).state for run in queued] == [RunState.QUEUED] * 3
    start()
    for run in queued:
        bench.await_output(run, b"ready")
        bench.stop(run)
    assert {bench.await_final(run).state for run in queued} == {RunState.STOPPED}
    assert sorted(plays()) == [playing.id, *(run.id for run in queued)]


def test_a_platform_that_signals_every_process_interrupts(bench, start, playbook):
    runner = start()
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    bench.await_output(run, b"ready")
    now = bench.find(run)
    members = [member.pid for member in bench.family(run)]

    for pid in [*members, now.keeper_pid, runner.process.pid]:
        with suppress(ProcessLookupError):  # ansible ends its workers as soon as it is told
            os.kill(pid, signal.SIGTERM)

    assert runner.process.wait(timeout=30) == 0
    assert bench.find(run).state is RunState.INTERRUPTED
    assert bench.family(run) == []


def test_a_drain_lets_a_short_run_end(bench, start, counted):
    runner = start(RUNNER_DRAIN="20")
    run = bench.trigger(counted(1))
    bench.await_output(run, b"ready")

    assert runner.terminate() == 0

    assert bench.find(run).state is RunState.SUCCEEDED


def test_a_shutdown_queues_again_what_has_not_left_the_gate(bench, start, counted, plays):
    first = start(RUNNER_DRAIN="0", RUNNER_SHUTDOWN_GRACE="0")
    keepers = wait_until(lambda: idle_keepers(first))
    for keeper in keepers:
        keeper.suspend()
    run = bench.trigger(counted(0))
    bench.await_phase(run, "preparing")

    assert first.terminate() == 0

    assert bench.find(run).state is RunState.QUEUED
    start()
    assert bench.await_final(run).state is RunState.SUCCEEDED
    assert plays() == [run.id]


def test_a_draining_runner_leaves_new_runs_to_others(bench, start, counted):
    url = counted(3)
    first = start(RUNNER_DRAIN="30", RUNNER_MACHINE="first")
    playing = bench.trigger(url)
    bench.await_output(playing, b"ready")
    start(RUNNER_MACHINE="second")
    wait_until(lambda: "second" in str(bench.conn.execute("SELECT * FROM runners").fetchall()))
    first.process.send_signal(signal.SIGTERM)
    run = bench.trigger(url)

    claimed = wait_until(lambda: (now := bench.find(run)).claimed_at and now)

    assert claimed.runner.startswith("second.")
    assert bench.await_final(playing).state is RunState.SUCCEEDED
    bench.await_final(run)
