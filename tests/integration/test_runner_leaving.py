"""`leave_async`: what ansible itself leaves lives on and is listed; everything else is ended."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from redis import Redis

from runner import family
from runner.run import RunState
from runner.settings import Settings
from runner.store.connection import Line
from runner.vault import Vault
from runner.watchdog import Watchdog
from tests import playbooks
from tests.repositories import make_repository
from tests.waiting import wait_until


@pytest.fixture
def end_left(bench):
    """End what a run has left, and show that nothing of it lives, not even a zombie."""

    def end(run):
        for each in run.left_running:
            with suppress(ProcessLookupError):
                os.kill(each["pid"], signal.SIGKILL)
        wait_until(lambda: bench.family(run) == [])
        wait_until(lambda: not any(psutil.pid_exists(each["pid"]) for each in run.left_running))

    yield end
    for members in family.find(bench.installation).values():  # of a test that failed
        for member in members:
            family.kill(member)


@pytest.fixture
def watchdog(bench):
    """A watchdog for rounds on demand, beside that of the runner."""
    line = Line(bench.environ["DATABASE_URL"])
    settings = Settings.from_environ({**os.environ, **bench.environ})
    with Redis.from_url(bench.environ["REDIS_URL"]) as redis:
        yield Watchdog(settings, redis, line)
    line.conn().close()


def commands(members):
    return [member.command for member in members]


@pytest.mark.parametrize(
    ("text", "state"),
    [
        (playbooks.LEAVING, RunState.SUCCEEDED),
        (playbooks.LEAVING_AND_FAILING, RunState.FAILED),
    ],
    ids=["succeeded", "failed"],
)
def test_async_jobs_outlive_a_normal_end_and_are_listed(
    bench, runner, playbook, watchdog, end_left, text, state
):
    run = bench.await_final(bench.trigger(playbook(text).url, leave_async=True))
    left = bench.family(run)

    assert run.state is state
    assert run.output_complete
    assert "sleep 301" in commands(left)
    assert "sleep 302" not in commands(left)
    assert {(each["pid"], each["created"], each["sid"]) for each in run.left_running} == {
        (member.pid, member.created, member.sid) for member in left
    }
    assert [event.detail["left_running"] for event in bench.events(run, state)] == [
        run.left_running
    ]
    for _ in range(3):
        watchdog.reconcile()
    assert bench.family(run) == left
    assert bench.events(run, "family_ended") == []
    end_left(run)


def test_an_async_job_ends_by_itself_and_leaves_no_zombie(bench, runner, playbook):
    short = playbooks.LEAVING.replace("sleep 301", "sleep 4")
    run = bench.await_final(bench.trigger(playbook(short).url, leave_async=True))
    assert run.left_running

    wait_until(lambda: bench.family(run) == [])
    wait_until(lambda: not any(psutil.pid_exists(each["pid"]) for each in run.left_running))


def test_a_stop_leaves_no_async_job(bench, runner, playbook):
    url = playbook(playbooks.LEAVING_AND_SLEEPING).url
    run = bench.trigger(url, leave_async=True)
    bench.await_output(run, b"ready")

    bench.stop(run)
    final = bench.await_final(run)

    assert (final.state, final.left_running) == (RunState.STOPPED, [])
    assert bench.family(run) == []


def test_a_killed_runner_leaves_no_async_job(bench, start, playbook):
    run = bench.trigger(playbook(playbooks.LEAVING_AND_SLEEPING).url, leave_async=True)
    first = start()
    bench.await_output(run, b"ready")

    first.kill()

    wait_until(lambda: bench.family(run) == [])
    start()
    final = bench.await_final(run)
    assert (final.state, final.left_running) == (RunState.INTERRUPTED, [])


def test_a_killed_keeper_does_not_take_what_another_run_has_left(
    bench, runner, playbook, tmp_path, end_left
):
    """Both are orphans of this runner, also the job's part that shed mark and brand."""
    bare = "prlimit --locks=unlimited env -i /bin/sleep 303"
    text = playbooks.LEAVING.replace("sleep 301", bare)
    left = bench.await_final(bench.trigger(playbook(text).url, leave_async=True))
    (sleeper,) = [each["pid"] for each in left.left_running if each["command"].endswith(" 303")]
    second = make_repository(tmp_path / "second", {"site.yml": playbooks.DOUBLE_FORK})
    other = bench.trigger(second.url)
    bench.await_output(other, b"ready")

    os.kill(bench.find(other).keeper_pid, signal.SIGKILL)
    bench.await_final(other)

    assert bench.family(other) == []
    assert psutil.Process(sleeper).cmdline() == ["/bin/sleep", "303"]
    end_left(left)


def test_what_is_left_outlives_its_runner_and_the_next_ones_rounds(
    bench, start, playbook, watchdog, end_left
):
    first = start()
    run = bench.await_final(bench.trigger(playbook(playbooks.LEAVING).url, leave_async=True))
    left = bench.family(run)

    assert first.terminate() == 0
    watchdog.reconcile()
    watchdog.reconcile()

    assert bench.family(run) == left != []
    end_left(run)


def test_an_end_that_only_the_record_tells_keeps_what_was_left(
    bench, start, playbook, conn, end_left
):
    """The row is locked while it ends: its runner dies before it can write that."""
    text = playbooks.LEAVING_AND_SLEEPING.replace("300", "3")
    run = bench.trigger(playbook(text).url, leave_async=True)
    first = start()
    bench.await_phase(run, "playing")
    bench.await_output(run, b"ready")
    with conn.transaction():
        conn.execute("SELECT FROM runs WHERE id = %s FOR UPDATE", [run.id])
        record = Path(bench.find(run).directory) / "status.jsonl"
        wait_until(lambda: '"gone"' in record.read_text())
        first.kill()
    start()

    final = bench.await_final(run)

    assert final.state is RunState.SUCCEEDED
    assert {each["pid"] for each in final.left_running} == {
        member.pid for member in bench.family(run)
    }
    assert "sleep" in [each["command"] for each in final.left_running]
    end_left(final)


def test_secrets_in_what_is_left_are_masked(bench, runner, playbook, end_left):
    text = playbooks.LEAVING.replace("sleep 301", "sh -c 'sleep 301; true' {{ given }}")
    sealed = Vault(bench.environ["CURTAIN_SECRET_KEY"]).seal({"given": "hunter22"})

    run = bench.await_final(
        bench.trigger(
            playbook(text).url,
            accepts={"given": {"type": "string", "secret": True}},
            secrets=sealed,
            leave_async=True,
        )
    )

    told = str(run.left_running) + str(bench.events(run))
    assert "********" in told
    assert "hunter22" not in told
    end_left(run)
