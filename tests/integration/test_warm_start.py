"""Runs that start warm: what a user sees of it, and that a stop stops all of them just the same."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from runner import recipe
from runner.run import RunState
from tests import playbooks
from tests.left import left_directories
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # seconds; a zygote takes ten and more on a busy machine
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="ready"
    - command: sleep {{ seconds | default(0) }}
"""


@pytest.fixture
def warm(start):
    """A runner that starts warm what it can."""
    return start(RUNNER_START="warm")


@pytest.fixture
def play(bench):
    """Play something, and tell how it was started."""

    def once(repository, **more):
        run = bench.trigger(repository.url, **more)
        assert bench.await_final(run).state is RunState.SUCCEEDED
        return how(bench, run)

    return once


@pytest.fixture
def warmed(warm, play, playbook):
    """A repository whose runs start warm from now on."""
    repository = playbook(PLAYBOOK)
    wait_until(lambda: play(repository)["start"] == "warm")
    return repository


@pytest.fixture
def begin(bench):
    """Trigger a run that sleeps, again until one has started warm: a busy machine may be late."""

    def once(repository):
        run = bench.trigger(repository.url, vars={"seconds": 300})
        bench.await_output(run, b"ready")
        if how(bench, run) == {"start": "warm"}:
            return run
        bench.stop(run, force=True)
        bench.await_final(run)
        return None

    return lambda repository: wait_until(lambda: once(repository), timeout=90)


def how(bench, run):
    """How a run was started."""
    (event,) = bench.events(run, "playing")
    return event.detail


def zygotes(runner):
    """The zygotes of a runner."""
    found = []
    for child in psutil.Process(runner.process.pid).children():
        with suppress(psutil.NoSuchProcess):
            if "runner.zygote" in " ".join(child.cmdline()):
                found.append(child)
    return found


def await_zygote(runner):
    wait_until(lambda: "start warm from now on" in runner.log.read_text())


def test_a_plain_template_starts_warm_from_its_first_run_on(warm, play, playbook):
    repository = playbook(PLAYBOOK)
    await_zygote(warm)

    wait_until(lambda: play(repository) == {"start": "warm"})
    assert len(zygotes(warm)) == 1  # no run has wanted another


def test_another_one_starts_cold_once_and_says_why(warm, play, playbook):
    repository = playbook(PLAYBOOK, **{"ansible.cfg": "[defaults]\nnocows = 1\n"})
    await_zygote(warm)

    assert play(repository) == {"start": "cold", "why": "config"}
    wait_until(lambda: play(repository) == {"start": "warm"})


def test_a_template_of_another_recipe_takes_nobodys_zygote(warm, play, playbook):
    repository = playbook(PLAYBOOK)
    await_zygote(warm)
    other = {"template": "other", "environment": {"MINE": "1"}}
    wait_until(lambda: play(repository, **other) == {"start": "warm"})

    wait_until(lambda: play(repository) == {"start": "warm"})
    assert len(zygotes(warm)) == 2


def test_where_there_is_no_room_for_a_zygote_those_in_use_stay(start, play, playbook):
    runner = start(RUNNER_START="warm", RUNNER_ZYGOTES="1")
    repository = playbook(PLAYBOOK)
    await_zygote(runner)
    before = zygotes(runner)

    for _ in range(2):
        how = play(repository, template="other", environment={"MINE": "1"})
        assert how["start"] == "cold"

    assert zygotes(runner) == before
    wait_until(lambda: play(repository) == {"start": "warm"})


def test_what_killed_runners_left_is_removed(warm, start, bench):
    (zygote,) = wait_until(lambda: zygotes(warm))
    warm.kill()
    wait_until(lambda: not zygote.is_running() or zygote.status() == psutil.STATUS_ZOMBIE)
    runs = Path(bench.environ["CURTAIN_DATA"]) / "runs"
    assert left_directories(runs)

    start(RUNNER_START="cold")

    wait_until(lambda: not made_old(runs))


def made_old(runs):
    """What is left there, from now on old: only such directories are swept."""
    left = left_directories(runs)
    for directory in left:
        with suppress(FileNotFoundError):
            os.utime(directory, (0, 0))
    return left


def test_templates_that_start_ansible_in_the_same_way_share_a_zygote(warm, play, warmed):
    wait_until(lambda: play(warmed, template="another") == {"start": "warm"})
    assert len(zygotes(warm)) == 1


def test_a_template_may_start_cold(warm, play, playbook, warmed):
    assert play(warmed, start="cold") == {"start": "cold"}
    wait_until(lambda: play(warmed) == {"start": "warm"})


def test_a_runner_that_starts_cold_loads_nothing(runner, play, playbook):
    assert play(playbook(PLAYBOOK)) == {"start": "cold"}
    assert zygotes(runner) == []


def test_what_ansible_reads_before_its_playbook_starts_cold_when_it_changes(bench, play, warmed):
    warmed.commit({"ansible.cfg": "[defaults]\nnocows = 1\n"})

    assert play(warmed) == {"start": "cold", "why": "config"}
    wait_until(lambda: play(warmed) == {"start": "warm"})
    assert play(warmed, environment={"MINE": "1"}) == {"start": "cold", "why": "environment"}


def test_a_zygote_that_dies_fails_no_run(warm, bench, play, begin, warmed):
    run = begin(warmed)

    for zygote in zygotes(warm):
        zygote.kill()
    wait_until(lambda: zygotes(warm) == [])

    assert play(warmed)["start"] == "cold"
    assert bench.find(run).state is RunState.RUNNING
    wait_until(lambda: play(warmed)["start"] == "warm")
    bench.stop(run)
    assert bench.await_final(run).state is RunState.STOPPED
    assert bench.family(run) == []


def test_a_zygote_that_stands_still_delays_no_run_for_long(warm, bench, play, warmed):
    for zygote in zygotes(warm):
        zygote.suspend()

    assert play(warmed)["start"] == "cold"


def test_runs_at_once_come_from_one_zygote(warm, bench, warmed):
    def all_are_warm():
        runs = [bench.trigger(warmed.url) for _ in range(8)]
        assert all(bench.await_final(run).state is RunState.SUCCEEDED for run in runs)
        return all(how(bench, run) == {"start": "warm"} for run in runs)

    wait_until(all_are_warm, timeout=90)
    assert len(zygotes(warm)) == 1


@pytest.mark.parametrize("force", [False, True])
def test_a_stop_stops_a_warm_run(bench, begin, warmed, force):
    run = begin(warmed)

    bench.stop(run, force=force)
    final = bench.await_final(run)

    assert final.state is RunState.STOPPED
    assert bench.family(run) == []


def test_a_warm_runs_family_ends_with_its_runner(warm, start, bench, begin, warmed):
    run = begin(warmed)
    (zygote,) = zygotes(warm)

    warm.kill()

    wait_until(lambda: bench.family(run) == [])
    wait_until(lambda: not zygote.is_running() or zygote.status() == psutil.STATUS_ZOMBIE)
    start()
    assert bench.await_final(run).state is RunState.INTERRUPTED


def test_a_warm_run_whose_keeper_is_killed_leaves_nobody(warm, bench, play, playbook):
    repository = playbook(playbooks.DOUBLE_FORK)
    first = bench.trigger(repository.url)
    bench.await_output(first, b"ready")
    await_zygote(warm)
    run = bench.trigger(repository.url)
    bench.await_output(run, b"ready")
    assert how(bench, run) == {"start": "warm"}

    os.kill(bench.find(run).keeper_pid, signal.SIGKILL)

    assert bench.await_final(run).state is RunState.FAILED
    assert bench.family(run) == []
    bench.stop(first, force=True)
    bench.await_final(first)


def test_a_runner_that_leaves_takes_its_zygotes_with_it(warm, warmed):
    (zygote,) = zygotes(warm)

    assert warm.terminate() == 0

    wait_until(lambda: not zygote.is_running())


def test_a_warm_run_is_listed_as_what_it_would_have_been(bench, begin, warmed):
    run = begin(warmed)

    leader = psutil.Process(bench.find(run).leader_pid)
    keeper = psutil.Process(bench.find(run).keeper_pid)

    words = " ".join(leader.cmdline()).split()
    assert words[0] == recipe.own_python(words[1])
    assert words[1].endswith("/ansible-playbook")
    assert words[-2] == "--"
    assert leader.name().startswith("ansible-playboo")
    assert "runner.leader" in " ".join(keeper.cmdline())
    bench.stop(run, force=True)
    bench.await_final(run)
    assert bench.family(run) == []
