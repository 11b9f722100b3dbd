"""`on_interrupt: requeue`: what was interrupted is played again as the same run, or is not."""

import signal
import uuid
from dataclasses import replace

import pytest
from psycopg.types.json import Jsonb

from runner.judge import End
from runner.run import RunState, Trigger
from runner.settlement import ATTEMPTS, settle
from runner.store import claims, output, runs, stops, verdicts
from runner.wanted import Wanted
from tests import playbooks
from tests.repositories import make_repository
from tests.waiting import wait_until

INTERRUPTED = End(exit_code=-9, signalled=("TERM",), why="shutdown")

#: Plays to its end from the second time on; says each time which commit it is of.
SECOND_TIME = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: echo $CURTAIN_RUN >> {plays}; wc -l < {plays}
      register: play
    - debug: msg="of {commit}, time {{{{ play.stdout }}}}"
    - command: sleep 300
      when: play.stdout | int == 1
"""


@pytest.fixture
def make_running(conn):
    """A claimed run whose template says what to do when it is interrupted."""

    def make(**spec):
        spec = {"timeout": 60, "grace": 10, "queue_timeout": None, **spec}
        wanted = Wanted(template="t", spec=spec, trigger=Trigger.API, by="ada")
        run = runs.insert(conn, wanted)
        return claim(conn, run.id)

    return make


def claim(conn, run_id):
    names = {"runner": "here.1.2", "machine": "here", "boot": "b"}
    return claims.claim(conn, run_id, token=uuid.uuid4(), lease=30, **names)


def settled(conn, run, end=INTERRUPTED, *, complete=True):
    return settle(conn, run, end, actor="here.1.2", complete=complete, truncated=False)


@pytest.mark.parametrize(
    ("on_interrupt", "end", "state"),
    [
        ("requeue", INTERRUPTED, RunState.QUEUED),
        ("fail", INTERRUPTED, RunState.INTERRUPTED),
        (None, INTERRUPTED, RunState.INTERRUPTED),  # a template of before there was the field
        ("requeue", End(exit_code=2), RunState.FAILED),  # it ended by itself
        ("requeue", End(exit_code=-9), RunState.FAILED),  # a stranger killed it
        ("requeue", End(exit_code=-9, why="timeout"), RunState.TIMED_OUT),
    ],
)
def test_only_an_interrupted_run_is_queued_again(conn, make_running, on_interrupt, end, state):
    run = make_running(on_interrupt=on_interrupt)

    assert settled(conn, run, end).state is state


def test_a_run_that_was_to_be_stopped_is_not_queued_again(conn, make_running):
    run = make_running(on_interrupt="requeue")
    stops.request_stop(conn, run.id, by="grace", reason=None, force=False)

    assert settled(conn, run).state is RunState.STOPPED  # although *run* is from before the stop


def test_a_run_is_not_queued_again_for_ever(conn, make_running):
    run = make_running(on_interrupt="requeue")

    states = []
    while (moved := settled(conn, run)).state is RunState.QUEUED:
        states.append(moved.state)
        run = claim(conn, run.id)

    assert moved.state is RunState.INTERRUPTED
    assert (moved.attempt, len(states)) == (ATTEMPTS, ATTEMPTS - 1)


def test_whoever_has_lost_the_lease_queues_nothing_again(conn, make_running):
    run = make_running(on_interrupt="requeue")

    assert settled(conn, replace(run, lease_token=uuid.uuid4())) is None
    assert runs.find(conn, run.id).state is RunState.RUNNING


def test_output_that_one_attempt_has_lost_is_not_complete(conn, make_running):
    run = make_running(on_interrupt="requeue")
    output.append(conn, run.id, run.lease_token, 0, b"first")
    settled(conn, run, complete=False)

    run = claim(conn, run.id)
    output.append(conn, run.id, run.lease_token, run.output_bytes, b"second")
    final = settled(conn, run, End(exit_code=0))

    assert output.read(conn, run.id, 0).bytes == b"firstsecond"
    assert final.output_complete is False


@pytest.mark.parametrize("how", ["shut down", "killed"])
def test_an_interrupted_run_is_played_again_as_it_was(bench, start, tmp_path, how):
    """Its id, its commit and its output stay, whatever was pushed meanwhile."""
    plays = tmp_path / "plays"
    text = SECOND_TIME.format(plays=plays, commit="old")
    repository = make_repository(tmp_path / "repository", {"site.yml": text})
    run = bench.trigger(repository.url, on_interrupt="requeue")
    first = start()
    bench.await_output(run, b"of old, time 1")
    repository.commit({"site.yml": SECOND_TIME.format(plays=plays, commit="new")})

    first.terminate() if how == "shut down" else first.kill()
    wait_until(lambda: bench.family(run) == [])
    start()
    final = bench.await_final(run)

    assert (final.state, final.attempt) == (RunState.SUCCEEDED, 2)
    assert plays.read_text().split() == [str(run.id)] * 2
    assert b"of old, time 1" in bench.output(run)
    assert b"of old, time 2" in bench.output(run)
    [event] = bench.events(run, "requeued")
    assert (event.state, event.detail["attempt"]) == ("queued", 1)
    assert bench.family(run) == []


def test_a_run_that_waits_to_be_played_again_can_be_stopped(bench, start, playbook):
    run = bench.trigger(playbook(playbooks.SLEEPING).url, on_interrupt="requeue")
    runner = start()
    bench.await_output(run, b"ready")
    runner.process.send_signal(signal.SIGTERM)
    assert runner.process.wait(timeout=30) == 0
    assert bench.find(run).state is RunState.QUEUED

    bench.stop(run)

    final = bench.find(run)
    assert (final.state, final.attempt) == (RunState.STOPPED, 1)
    assert bench.family(run) == []


def test_a_stop_of_what_waits_to_be_repeated_does_not_deny_the_first_attempt(conn, make_running):
    run = settled(conn, make_running(on_interrupt="requeue"), complete=False)

    stopped = stops.request_stop(conn, run.id, by="grace", reason=None, force=False)

    assert stopped.message == "stopped by grace before it was started again"
    assert (stopped.attempt, stopped.output_complete) == (1, False)


def test_a_stop_forgets_no_lost_output(conn, make_running):
    queued = settled(conn, make_running(on_interrupt="requeue"), complete=False)
    run = claim(conn, queued.id)

    asked = stops.request_stop(conn, run.id, by="grace", reason=None, force=False)
    final = settled(conn, asked, End(exit_code=-15, signalled=("TERM",), why="stop"))

    assert (final.state, final.output_complete) == (RunState.STOPPED, False)


def test_what_nobody_takes_again_has_lost_what_it_had_lost(conn, make_running):
    run = make_running(on_interrupt="requeue")
    hurried = Jsonb({"queue_timeout": -1})
    conn.execute("UPDATE runs SET spec = spec || %s WHERE id = %s", [hurried, run.id])
    settled(conn, run, complete=False)

    (expired,) = verdicts.expire(conn, actor="watchdog")

    assert (expired.id, expired.output_complete) == (run.id, False)
