"""Whatever is killed: rows and processes agree again, and nothing runs twice."""

import os
import signal

import psutil
import pytest

from runner.queue import queue_of_runs
from runner.run import RunState
from tests import playbooks
from tests.runners import idle_keepers
from tests.waiting import wait_until


def test_a_leader_killed_by_a_stranger_has_failed(bench, runner, playbook):
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    bench.await_output(run, b"ready")

    os.kill(bench.find(run).leader_pid, signal.SIGKILL)
    final = bench.await_final(run)

    assert (final.state, final.exit_code) == (RunState.FAILED, -signal.SIGKILL)
    assert "killed by SIGKILL, not by Curtain" in final.message
    assert bench.family(run) == []


def test_a_killed_keeper_leaves_no_family(bench, runner, playbook):
    run = bench.trigger(playbook(playbooks.DOUBLE_FORK).url)
    bench.await_output(run, b"ready")

    os.kill(bench.find(run).keeper_pid, signal.SIGKILL)
    final = bench.await_final(run)

    assert final.state is RunState.FAILED
    assert "keeper was killed" in final.message
    assert bench.family(run) == []
    assert runner.process.poll() is None


def test_a_killed_runner_takes_its_families_with_it(bench, start, counted, plays):
    run = bench.trigger(counted(300))
    first = start()
    bench.await_output(run, b"ready")

    first.kill()

    wait_until(lambda: bench.family(run) == [])
    start()
    final = bench.await_final(run)
    assert final.state is RunState.INTERRUPTED
    assert "its runner died" in final.message
    assert plays() == [run.id]


def test_a_stop_that_meets_a_dead_runner_is_still_a_stop(bench, start, playbook):
    run = bench.trigger(playbook(playbooks.IGNORING).url, grace=1)
    first = start()
    bench.await_output(run, b"ready")
    first.process.send_signal(signal.SIGSTOP)
    bench.stop(run, reason="because")
    first.kill()
    start()

    final = bench.await_final(run)

    assert final.state is RunState.STOPPED
    assert bench.family(run) == []


def test_a_runner_that_dies_before_the_gate_opens_has_run_nothing(bench, start, counted, plays):
    """Its run is queued again, and played once by the next runner."""
    first = start()
    keepers = wait_until(lambda: idle_keepers(first))
    for keeper in keepers:
        keeper.suspend()
    run = bench.trigger(counted(0))
    claimed = bench.await_phase(run, "preparing")
    first.kill()
    for keeper in keepers:
        keeper.resume()
    start()

    final = bench.await_final(run)

    assert claimed.leader_pid is None
    assert final.state is RunState.SUCCEEDED
    assert plays() == [run.id]


def test_a_run_whose_runner_vanished_elsewhere_is_lost(bench, start, playbook):
    """Only after the watchdog itself has seen Postgres for a whole lease."""
    away = start(RUNNER_MACHINE="away", RUNNER_LEASE="3")
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    bench.await_output(run, b"ready")
    away.process.send_signal(signal.SIGSTOP)
    start(RUNNER_MACHINE="here", RUNNER_LEASE="3")

    lost = bench.await_final(run)
    away.process.send_signal(signal.SIGCONT)

    assert lost.state is RunState.LOST
    assert "was last heard of" in lost.message
    wait_until(lambda: bench.find(run).late_result)
    assert bench.find(run).state is RunState.LOST
    assert bench.find(run).late_result["runner"].startswith("away.")
    assert bench.family(run) == []


def test_a_family_without_a_row_is_ended(bench, start, playbook, conn):
    start(RUNNER_LEASE="6")
    run = bench.trigger(playbook(playbooks.SETSID).url)
    bench.await_output(run, b"ready")

    conn.execute("DELETE FROM runs WHERE id = %s", [run.id])

    wait_until(lambda: bench.family(run) == [])


def test_a_killed_keeper_leaves_nobody_who_shed_mark_and_brand(bench, runner, playbook, tmp_path):
    """As pam_limits and `env -i` do it: it can be known by its descent only."""
    shed = "env -i prlimit --locks=unlimited sh -c 'echo $$ > {file}; exec sleep 300'"
    text = playbooks.SETSID.replace("sleep 300 >", f"{shed} >", 1)
    run = bench.trigger(playbook(text.replace("{file}", f"{tmp_path}/pid")).url)
    bench.await_output(run, b"ready")
    pid = int(wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text()))
    wait_until(lambda: psutil.Process(pid).name() == "sleep")

    os.kill(bench.find(run).keeper_pid, signal.SIGKILL)
    final = bench.await_final(run)

    assert final.state is RunState.FAILED
    assert not psutil.pid_exists(pid)
    assert bench.family(run) == []


def test_a_keeper_that_does_not_answer_does_not_save_its_family(bench, runner, playbook):
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    bench.await_output(run, b"ready")
    psutil.Process(bench.find(run).keeper_pid).suspend()

    bench.stop(run, force=True)
    final = bench.await_final(run, timeout=20)

    assert final.state is RunState.STOPPED
    assert bench.family(run) == []


@pytest.mark.parametrize("number", [signal.SIGUSR2, 40], ids=["SIGUSR2", "a real-time signal"])
def test_one_odd_end_is_not_the_end_of_the_others(bench, runner, playbook, number):
    url = playbook(playbooks.SLEEPING).url
    odd, other = bench.trigger(url), bench.trigger(url)
    for run in (odd, other):
        bench.await_output(run, b"ready")

    os.kill(bench.find(odd).leader_pid, number)

    final = bench.await_final(odd)
    assert (final.state, final.exit_code) == (RunState.FAILED, -number)
    bench.stop(other)
    assert bench.await_final(other).state is RunState.STOPPED


def test_an_error_that_postgres_cannot_keep_is_still_an_end(bench, runner, playbook):
    text = '- hosts: all\n  tasks:\n    - "no_such\\0module": {}\n'

    run = bench.await_final(bench.trigger(playbook(text).url))

    assert run.state is RunState.FAILED
    assert "no_such" in run.message


def test_a_job_that_is_no_runs_blocks_nothing(bench, runner, playbook, redis):
    queue_of_runs(redis).enqueue_call("somebody.elses", job_id="not-a-run")
    redis.set("curtain:group:1", "not a hash either")

    url = playbook(playbooks.HELLO).url

    for _ in range(2):
        run = bench.await_final(bench.trigger(url))
        assert run.state is RunState.SUCCEEDED
