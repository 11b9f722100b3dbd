"""The process that runs errands: never in the way of a run, and gone when its runner is."""

import os
import signal
import socket
import time
from contextlib import suppress
from uuid import uuid4

import psutil
import pytest
from rq.timeouts import JobTimeoutException, UnixSignalDeathPenalty

from jobs import previews, questions
from runner import linux
from runner.judge import Verdict
from runner.queue import queue_of_errands
from runner.run import RunState, Trigger
from runner.store import claims, moves, runs
from runner.wanted import Wanted
from tests import playbooks
from tests.runners import SPEC
from tests.waiting import wait_until


@pytest.fixture
def silent():
    """The URL of a remote that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}/hosts.git"


@pytest.fixture
def finished(conn):
    """Makes runs that are over, of whatever repository."""

    def make(url):
        spec = {
            **SPEC,
            "playbook": {"repository": url, "ref": "main", "path": "site.yml"},
            "inventory": {"content": "web1\n"},
        }
        run = runs.insert(conn, Wanted(template="test", spec=spec, trigger=Trigger.API, by="ada"))
        claim = {"runner": "one", "machine": "elsewhere", "boot": "boot"}
        run = claims.claim(conn, run.id, token=uuid4(), lease=600, **claim)
        verdict = Verdict(state=RunState.SUCCEEDED, message="", exit_code=0)
        return moves.finish(conn, run, verdict, actor="one", complete=True, truncated=False)

    return make


def errands_of(runner):
    """The processes of *runner* that run errands."""
    below = psutil.Process(runner.process.pid).children()
    return [each for each in below if "jobs.errands" in linux.command(each.pid)]


def gits_below(process):
    below = process.children(recursive=True)
    return [each for each in below if linux.command(each.pid).startswith(("git ", "/usr/lib/git"))]


@pytest.fixture
def hanging(bench, runner, silent, finished):
    """A runner whose errand hangs at its remote: the process, and git below it."""
    questions.ask(bench.redis, finished(silent).id)
    (errand,) = wait_until(lambda: errands_of(runner))

    def hangs():
        """Not before git reaches out: what it does at home is there for a moment."""
        found = gits_below(errand)
        return found if any(map(reaches_out, found)) else None

    return errand, wait_until(hangs)


def reaches_out(process):
    """Whether it is a git that talks to a remote."""
    try:
        return "remote" in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


def lives(process):
    """Whether it is there and no zombie, whose parent may take its time."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def are_gone(errand, gits):
    return not any(map(lives, [errand, *gits]))


def test_it_is_there_for_as_long_as_there_are_errands(bench, runner, finished, tmp_path):
    job = questions.ask(bench.redis, finished(f"file://{tmp_path}/nothing").id)

    wait_until(lambda: questions.await_answer(job, 1))

    wait_until(lambda: not errands_of(runner))
    assert psutil.Process(runner.process.pid).children(recursive=True)  # its idle keepers live


def test_a_remote_that_says_nothing_is_given_up(bench, hanging, runner):
    errand, gits = hanging
    job = queue_of_errands(bench.redis).fetch_job("preview-1")

    told = wait_until(lambda: questions.await_answer(job, 1))

    assert told["playbook"]["untold"]["code"] == "timeout"
    wait_until(lambda: are_gone(errand, gits))


def test_git_is_given_none_of_our_secrets(bench, hanging):
    _, gits = hanging

    ours = ("DATABASE_URL", "REDIS_URL", "CURTAIN_ADMIN_TOKEN", "CURTAIN_SECRET_KEY")
    seen = []
    for git in gits:
        with suppress(psutil.NoSuchProcess):  # some of git's helpers are there for a moment
            seen.append(str(git.environ()))
    assert seen
    for given in seen:
        assert not [name for name in ours if name in given or bench.environ[name] in given]


def test_there_is_one_at_a_time(bench, runner, hanging, silent, finished):
    errand, _ = hanging
    questions.ask(bench.redis, finished(silent).id)
    looked_until = time.monotonic() + 3.0

    def is_over():
        assert errands_of(runner) == [errand]
        return time.monotonic() > looked_until

    wait_until(is_over)


def test_it_dies_with_a_runner_that_is_shut_down(hanging, runner):
    began = time.monotonic()

    assert runner.terminate() == 0

    assert time.monotonic() - began < 25.0
    assert are_gone(*hanging)


def test_it_dies_with_a_runner_that_is_killed(hanging, runner):
    runner.kill()

    wait_until(lambda: are_gone(*hanging))


def test_an_errand_that_was_cut_off_can_be_asked_for_again(bench, hanging, runner, start):
    runner.terminate()
    old = queue_of_errands(bench.redis).fetch_job("preview-1")
    assert old is not None
    wait_until(lambda: old.is_failed)

    job = questions.ask(bench.redis, 1)

    assert questions.await_answer(job, 0) is None
    start()
    assert wait_until(lambda: questions.await_answer(job, 1))["playbook"]


def test_it_is_no_stray_of_a_run_whose_keeper_was_killed(bench, hanging, playbook):
    """Whoever is below the runner and below no keeper is swept then."""
    errand, _ = hanging
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    bench.await_output(run, b"ready")

    os.kill(bench.find(run).keeper_pid, signal.SIGKILL)

    assert bench.await_final(run).state is RunState.FAILED
    assert not bench.family(run)
    assert errand.is_running()


def test_a_run_is_stopped_beside_it_as_ever(bench, hanging, playbook):
    errand, _ = hanging
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    bench.await_output(run, b"ready")

    bench.stop(run)

    stopped = bench.await_final(run)
    assert (stopped.state, stopped.stop_seconds < 25.0) == (RunState.STOPPED, True)
    assert errand.is_running()


def test_one_that_does_not_end_is_killed_with_all_below_it(hanging, runner):
    """It was frozen: it hears no SIGTERM, and the platform waits for nobody."""
    errand, _ = hanging
    errand.send_signal(signal.SIGSTOP)

    assert runner.terminate() == 0

    assert are_gone(*hanging)


def test_the_limit_is_for_both_repositories_together(silent, tmp_path):
    """The alarm of an errand rings once: the second repository must not be begun after it."""
    then, now = "1" * 40, "2" * 40
    source = {"repository": silent, "path": "site.yml", "ref": now}
    told = {
        part: {"then": {**source, "sha": then}, "now": dict(source), "difference": None,
               "untold": None}
        for part in ("playbook", "inventory")
    }  # fmt: skip
    order = {
        "protocols": ["https"],
        "cache": str(tmp_path / "cache"),
        "access": {"playbook": None, "inventory": None},
    }
    began = time.monotonic()

    with UnixSignalDeathPenalty(1, JobTimeoutException):
        previews._look_at_all(order, told)

    assert time.monotonic() - began < 60.0
    assert [source["untold"]["code"] for source in told.values()] == ["timeout", "timeout"]


def test_a_git_does_not_outlive_its_errand(hanging, runner):
    """Nobody asked whoever was killed for want of memory; its git keeps the store's lock."""
    errand, gits = hanging

    errand.kill()

    wait_until(lambda: are_gone(errand, gits))
    wait_until(lambda: not errands_of(runner))
