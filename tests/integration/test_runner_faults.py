"""Whatever is killed or goes away: rows and processes agree again, and nothing runs twice."""

import os
import signal
import time
from contextlib import contextmanager, suppress

import psutil
import psycopg
import pytest
from psycopg.rows import dict_row
from redis import Redis

from runner.queue import queue_of_runs
from runner.run import RunState
from runner.store import stops
from runner.store.migrate import migrate
from tests import playbooks
from tests.playbooks import printing
from tests.runners import Bench
from tests.servers import own_servers
from tests.waiting import wait_until

#: Each play of it leaves a line: two lines are a run that was played twice.
COUNTED = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: echo $CURTAIN_RUN >> {file}
    - debug: msg="ready"
    - command: sleep {seconds}
"""


@pytest.fixture
def plays(tmp_path):
    """The ids of the runs that were played, one for each time."""
    file = tmp_path / "plays"
    return lambda: [int(line) for line in file.read_text().split()] if file.exists() else []


@pytest.fixture
def counted(playbook, tmp_path):
    """A repository whose playbook counts its plays and then sleeps."""
    return lambda seconds: playbook(COUNTED.format(file=tmp_path / "plays", seconds=seconds)).url


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


def idle_keepers(runner):
    """The keepers that a runner has started ahead."""
    keepers = []
    for child in psutil.Process(runner.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # git and others come and go
            if "runner.leader" in child.cmdline():
                keepers.append(child)
    return keepers


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


def test_a_flushed_redis_loses_no_run(bench, start, counted, plays, redis):
    runner = start(RUNNER_SLOTS="1", RUNNER_LEASE="6")  # a round of the watchdog's is a sixth
    url = counted(3)
    first = bench.trigger(url)
    bench.await_output(first, b"ready")
    second = bench.trigger(url)

    redis.flushdb()

    assert bench.await_final(first).state is RunState.SUCCEEDED
    assert bench.await_final(second).state is RunState.SUCCEEDED
    assert plays() == [first.id, second.id]
    assert runner.process.poll() is None


@pytest.fixture
def servers():
    """A Postgres and a Valkey that can be taken away."""
    with own_servers() as (database, cache):
        migrate(database.url)
        yield database, cache


@pytest.fixture
def fragile(servers, bench):
    """A bench on servers that can be taken away."""
    database, cache = servers
    environ = {**bench.environ, "DATABASE_URL": database.url, "REDIS_URL": cache.url}
    bench.environ.update(environ)
    with connected(database, cache, environ) as connected_bench:
        yield connected_bench


@contextmanager
def connected(database, cache, environ):
    """A bench with connections of its own."""
    with (
        psycopg.connect(database.url, autocommit=True, row_factory=dict_row) as conn,
        Redis.from_url(cache.url) as redis,
    ):
        yield Bench(conn, redis, environ)


@pytest.mark.parametrize("who", ["redis", "postgres"])
def test_a_run_outlives_a_service_that_is_away(fragile, start, servers, counted, plays, who):
    """Longer than its lease, over heartbeats, output and the playbook's end."""
    server = servers[0] if who == "postgres" else servers[1]
    runner = start(RUNNER_LEASE="3")
    run = fragile.trigger(counted(4))
    fragile.await_output(run, b"ready")

    server.stop()
    wait_until(lambda: fragile.family(run) == [])
    server.start()

    with connected(*servers, fragile.environ) as bench:
        final = bench.await_final(run)
        assert final.state is RunState.SUCCEEDED
        assert final.output_complete
        assert b"PLAY RECAP" in bench.output(run)
    assert plays() == [run.id]
    assert runner.process.poll() is None


def test_a_stop_works_without_redis(fragile, start, servers, playbook):
    start()
    run = fragile.trigger(playbook(playbooks.SLEEPING).url)
    fragile.await_output(run, b"ready")
    servers[1].stop()

    fragile.stop(run)
    final = fragile.await_final(run)

    assert final.state is RunState.STOPPED
    assert fragile.family(run) == []
    servers[1].start()


def test_a_run_triggered_without_redis_is_played(fragile, start, servers, counted, plays):
    start(RUNNER_LEASE="6")
    servers[1].stop()
    run = fragile.trigger(counted(0))
    servers[1].start()

    assert fragile.await_final(run).state is RunState.SUCCEEDED
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


def test_a_flood_while_postgres_is_away_stops_no_playbook(fragile, start, servers, playbook):
    """More than waits in memory goes to disk, and all of it arrives."""
    start()
    slow = playbooks.HELLO.replace("- debug", "- pause: seconds=3\n    - debug")
    repository = playbook(slow, **printing("b'x' * 6_000_000"))
    before = fragile.await_final(fragile.trigger(repository.url))
    run = fragile.trigger(repository.url)
    wait_until(lambda: fragile.find(run).phase == "playing", interval=0.001)

    servers[0].stop()
    wait_until(lambda: fragile.family(run))
    wait_until(lambda: fragile.family(run) == [])
    servers[0].start()

    with connected(*servers, fragile.environ) as bench:
        final = bench.await_final(run)
        assert (final.state, final.output_complete) == (RunState.SUCCEEDED, True)
        assert bench.output(final) == bench.output(before)


@pytest.mark.parametrize("force", [False, True], ids=["graceful", "forced"])
def test_a_frozen_redis_delays_neither_stop_nor_end(fragile, start, servers, playbook, force):
    runner = start()
    run = fragile.trigger(playbook(playbooks.SLEEPING).url)
    fragile.await_output(run, b"ready")
    servers[1].freeze()

    began = time.monotonic()
    stops.request_stop(fragile.conn, run.id, by="grace", reason=None, force=force)
    final = fragile.await_final(run, timeout=10)
    code = runner.terminate()

    assert final.state is RunState.STOPPED
    assert fragile.family(run) == []
    assert code == 0
    assert time.monotonic() - began < 15
    servers[1].thaw()


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
