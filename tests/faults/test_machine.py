"""Machines with full disks, few descriptors, wrong clocks and other processes' numbers."""

import os
import resource
import subprocess
from uuid import uuid4

import psutil
import pytest

from runner.run import RunState, Trigger
from runner.store import claims, moves, runs
from runner.wanted import Wanted
from tests.faults.container import LEASE
from tests.faults.outages import let_pass
from tests.playbooks import HELLO
from tests.repositories import make_repository
from tests.runners import SPEC
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # a world takes its time on a busy machine
MEGABYTE = 2**20
DISK = 6  # megabytes; a run and the Git cache of the world need less than one

#: More than memory and the disk take, when it is told to begin; then it goes on with what needs no
#: file of its own.
FLOODING = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="ready"
    - shell: "while [ ! -e {begin} ]; do sleep 0.05; done"
    - debug: msg="{{{{ 'x' * 5000000 }}}}"
    - debug: msg="{{{{ 'y' * 5000000 }}}}"
    - debug: msg="{{{{ 'z' * 5000000 }}}}"
    - pause: seconds=300
"""

#: Shifts the clock of any Python that finds it as sitecustomize on its path.
WRONG_CLOCK = """
import datetime, time

SHIFT = {shift}
true_time, true_time_ns, true_datetime = time.time, time.time_ns, datetime.datetime
time.time = lambda: true_time() + SHIFT
time.time_ns = lambda: true_time_ns() + SHIFT * 10**9


class Kind(type(true_datetime)):
    def __instancecheck__(cls, thing):
        return isinstance(thing, true_datetime)


class Wrong(true_datetime, metaclass=Kind):
    @classmethod
    def now(cls, tz=None):
        return true_datetime.now(tz) + datetime.timedelta(seconds=SHIFT)

    @classmethod
    def utcnow(cls):
        return true_datetime.utcnow() + datetime.timedelta(seconds=SHIFT)


datetime.datetime = Wrong
"""


@pytest.fixture
def small_disk(empty_world):
    """What the runner "one" has for its directories."""
    folder = empty_world.one.folder / "state"
    folder.mkdir()
    size = f"size={DISK}m"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "none", folder])
    if mounted.returncode:
        pytest.skip("this machine lets us mount nothing")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def directories(folder):
    """Those of runs."""
    return [path.name for path in folder.glob("runs/*/*")]


def test_a_full_disk_while_postgres_is_away_costs_output_and_says_so(empty_world, small_disk):
    world = empty_world
    begin = world.folder / "begin"
    world.declare("flood", FLOODING.format(begin=begin))
    world.start(world.webs[0], world.one)
    run = world.await_ready(world.trigger("flood"))
    world.one.postgres.cut()

    begin.touch()
    wait_until(lambda: os.statvfs(small_disk).f_bavail == 0)
    world.one.postgres.restore()
    wait_until(lambda: b"bytes are missing here" in world.output(run))
    assert world.find(run).phase == "playing"
    assert world.stop(run, reason="enough").status == 202

    final = world.await_final(run)
    assert (final.state, final.output_complete) == (RunState.STOPPED, False)
    assert 4 * MEGABYTE < final.output_bytes < 15 * MEGABYTE
    assert world.one.is_alive
    wait_until(lambda: directories(small_disk) == [])
    assert world.await_final(world.trigger("quick")).state is RunState.SUCCEEDED


def test_a_full_disk_fails_a_checkout_and_harms_no_other(empty_world, small_disk):
    world = empty_world
    content = os.urandom(DISK * MEGABYTE).hex()  # nothing makes it small enough
    large = make_repository(world.folder / "large", {"quick.yml": HELLO, "content": content})
    source = {"repository": large.url, "ref": "main", "path": "quick.yml"}
    world.declare("large", playbook=source)
    world.start(world.webs[0], world.one)

    failed = world.await_final(world.trigger("large"))
    after = world.await_final(world.trigger("quick"))

    assert (failed.state, failed.exit_code) == (RunState.FAILED, None)
    assert "No space left" in failed.message
    assert world.executions(failed) == []
    assert after.state is RunState.SUCCEEDED
    wait_until(lambda: directories(small_disk) == [])


def test_a_runner_without_descriptors_loses_nothing_and_recovers(empty_world):
    world = empty_world
    world.start(world.webs[0], world.one)
    runner = psutil.Process(world.one.pid)
    few = runner.num_fds() + 6  # two more keepers
    before = runner.rlimit(resource.RLIMIT_NOFILE)
    runner.rlimit(resource.RLIMIT_NOFILE, (few, before[1]))

    asked = [world.trigger("brief") for _ in range(10)]
    ended = [world.await_final(run) for run in asked]
    runner.rlimit(resource.RLIMIT_NOFILE, before)

    assert world.one.is_alive
    for run in ended:
        if run.state is RunState.SUCCEEDED:
            assert len(world.executions(run)) == 1
        else:
            assert (run.state, world.executions(run)) == (RunState.FAILED, [])
            assert "Too many open files" in run.message
    assert RunState.SUCCEEDED in [run.state for run in ended]
    assert world.await_final(world.trigger("quick")).state is RunState.SUCCEEDED


@pytest.mark.parametrize("shift", [-600, 600], ids=["ten minutes slow", "ten minutes fast"])
def test_a_clock_that_is_wrong_settles_nothing_and_hides_nothing(empty_world, shift):
    """Leases are of Postgres' clock, and pauses of one that nobody sets."""
    world = empty_world
    wrong = world.folder / "wrong"
    wrong.mkdir()
    (wrong / "sitecustomize.py").write_text(WRONG_CLOCK.format(shift=shift))
    world.start(world.webs[0])
    world.one.start(RUNNER_SLOTS="1")
    ours = world.await_ready(world.trigger("sleeping"))
    world.two.start(PYTHONPATH=str(wrong))
    theirs, stopped = (world.await_ready(world.trigger("sleeping")) for _ in range(2))

    let_pass(2)  # each could have settled the other's runs
    world.stop(stopped, reason="because")

    assert 0 <= world.await_final(stopped).stop_seconds < 60
    assert [world.find(run).state for run in (ours, theirs)] == [RunState.RUNNING] * 2
    assert [run.machine for run in (ours, theirs)] == ["one", "two"]

    world.one.kill()
    lost = world.await_final(ours)

    assert lost.state is RunState.LOST
    assert LEASE <= (lost.finished_at - lost.heartbeat_at).total_seconds() < 60
    assert world.find(theirs).state is RunState.RUNNING
    world.stop(theirs, reason="enough")


@pytest.fixture
def stranger():
    """A process that is none of ours, in a group of its own."""
    with subprocess.Popen(["sleep", "300"], start_new_session=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("is_stopping", [False, True], ids=["playing", "stopping"])
def test_after_a_reboot_numbers_are_strangers(empty_world, stranger, is_stopping):
    """A row names pids of another boot; here they are somebody else's."""
    world = empty_world
    wanted = Wanted(template="quick", spec=SPEC, trigger=Trigger.API, by="ada")
    run = runs.insert(world.conn, wanted)
    place = {"runner": "one.1.1.abcdef01", "machine": "one", "boot": "another-boot/1"}
    claimed = claims.claim(world.conn, run.id, token=uuid4(), lease=LEASE, **place)
    created = psutil.Process(stranger.pid).create_time()
    ticks = round((created - psutil.boot_time()) * os.sysconf("SC_CLK_TCK"))
    family = {"leader": stranger.pid, "created": ticks, "keeper": stranger.pid}
    moves.register(world.conn, claimed, **family, directory=str(world.folder / "gone"))
    world.start(world.webs[0])
    if is_stopping:
        world.stop(run, force=True, reason="because")

    world.start(world.one)

    final = world.await_final(run)
    assert final.state is RunState.LOST
    assert final.finished_at >= claimed.lease_expires_at
    assert stranger.poll() is None


@pytest.mark.parametrize(
    ("machine", "leases"),
    [
        ("two", 0.5),  # it is back before anybody looks
        ("one", 3),  # another runner of its machine settles its runs
    ],
    ids=["for a moment", "for good"],
)
def test_a_time_limit_passes_while_its_runner_is_frozen(empty_world, machine, leases):
    world = empty_world
    world.two.machine = machine
    world.start(world.webs[0], world.one)
    world.declare("sleeping", timeout=4)
    run = world.await_ready(world.trigger("sleeping"))
    world.start(world.two)

    world.one.freeze()
    let_pass(leases)
    world.one.thaw()

    assert world.await_final(run).state is RunState.TIMED_OUT
    assert world.family(run) == []


def test_a_queue_time_out_passes_while_the_only_runner_is_frozen(empty_world):
    world = empty_world
    world.start(world.webs[0], world.one, world.watchdog)
    world.declare("quick", queue_timeout=1)
    world.one.freeze()
    run = world.trigger("quick")

    final = world.await_final(run)
    world.one.thaw()

    assert final.state is RunState.FAILED
    assert "runner" in final.message
    assert world.await_final(world.trigger("brief")).state is RunState.SUCCEEDED
    assert world.executions(run) == []
