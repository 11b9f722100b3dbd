"""Whatever a task starts and however it defends itself: a stop ends it, or says who is left."""

import os
import shutil
import signal
import subprocess
import time

import psutil
import pytest

from runner import linux
from runner.run import RunState, StopOutcome
from tests import playbooks
from tests.audit import running
from tests.faults.container import isolation
from tests.keeping import child
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # a world takes its time on a busy machine

#: A task that is one program, and goes on until that ends.
ONE = """
- hosts: all
  gather_facts: false
  tasks:
    - command: {command}
"""

#: The program, and how many of it there are when it is complete.
FAMILIES = {
    "deaf": (("stubborn",), 1),  # ignores TERM, HUP, INT and QUIT
    "storm": (("fork_storm", 6), 64),
    "respawning": (("respawning",), 2),  # each replaces the other
    "headless": (("headless",), 1),  # a zombie by the looks of it, a thread of which lives
    "careless": (("unwaiting", 20), 1),  # twenty zombies, for which nobody waits
}


#: Beside them: a daemon by the book without a mark, and setsid in a loop.
OTHERS = ("double-fork", "hopping")


@pytest.fixture
def footprints(empty_world, tmp_path):
    """A file that grows while somebody hops; nobody does in the end."""
    path = tmp_path / "footprints"
    path.touch()
    yield path
    size, moment = path.stat().st_size, time.monotonic() + 0.2
    wait_until(lambda: time.monotonic() > moment)
    assert path.stat().st_size == size > 0


def declare_families(world, word, footprints):
    """Let each family be a template; all are told from others' by *word*."""
    hopping = " ".join(child("hopping", footprints))
    world.declare("hopping", ONE.format(command=f"sh -c '{hopping} & sleep {word}'"))
    for name, (program, _) in FAMILIES.items():
        command = " ".join(child(*program, f"{word}-{name}"))
        world.declare(name, ONE.format(command=command))
    detached = f"(setsid env -i sleep {word} < /dev/null > /dev/null 2>&1 &) ; sleep {word}"
    world.declare("double-fork", ONE.format(command=f"sh -c '{detached}'"))


def assert_ended(world, run, word):
    """Wait until it is stopped; nobody of it may live then, by whatever he is looked for."""
    final = world.await_final(run)
    assert final.state is RunState.STOPPED
    assert world.family(run) == []
    assert running(word) == []
    return final


@pytest.mark.parametrize("force", [False, True], ids=["graceful", "forced"])
@pytest.mark.parametrize("empty_world", ["shared", "isolated"], indirect=True)
def test_no_family_escapes_a_stop(roomy_world, word, footprints, force):
    world = roomy_world
    declare_families(world, word, footprints)
    runs = {name: world.trigger(name) for name in (*FAMILIES, *OTHERS)}
    for name, (_, size) in FAMILIES.items():
        wait_until(lambda name=name, size=size: len(alive(word, name)) >= size)
    wait_until(lambda: len(running(f"sleep {word}")) >= 3)
    wait_until(lambda: footprints.stat().st_size > 50)

    for run in runs.values():
        world.stop(run, force=force, reason="because")

    for name, run in runs.items():
        assert_ended(world, run, f"{word}-{name}" if name in FAMILIES else f"sleep {word}")


def alive(word, name):
    """The programs themselves, without the shells and modules that name them."""
    return [pid for pid in running(f"{word}-{name}") if is_program(pid)]


def is_program(pid):
    """Whether it is one of tests/children."""
    words = linux.contents(pid, "cmdline").split(b"\0")
    return words[1:3] == [b"-I", b"-S"] or not words[0]


@pytest.mark.parametrize("force", [False, True], ids=["graceful", "forced"])
def test_a_family_that_was_suspended_is_stopped(roomy_world, word, force):
    """All of it stands still, in the sense of Ctrl-Z, before the stop comes."""
    world = roomy_world
    world.declare("sleeping", playbooks.SETSID.replace("300", word))
    run = world.await_ready(world.trigger("sleeping"))
    wait_until(lambda: len(running(f"sleep {word}")) >= 2)
    members = [member.pid for member in world.family(run)]
    for pid in members:
        os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(linux.read(pid).state in "TZ" for pid in members))

    world.stop(run, force=force, reason="because")

    assert_ended(world, run, word)


def test_a_keeper_that_stands_still_is_done_without(roomy_world, word):
    """It answers nobody: it is killed, and its family in its place."""
    world = roomy_world
    world.declare("escaping", playbooks.DOUBLE_FORK.replace("300", word))
    runs = [world.await_ready(world.trigger("escaping")) for _ in range(2)]
    for run in runs:
        os.kill(run.keeper_pid, signal.SIGSTOP)

    for force, run in zip((False, True), runs, strict=True):
        world.stop(run, force=force, reason="because")

    for run in runs:
        assert world.await_final(run).stop_outcome is StopOutcome.KILLED
    assert running(word) == []


def test_what_a_killed_worker_of_ansible_leaves_is_ended(roomy_world, word):
    """Its task goes on as an orphan; ansible gives the host up, and the run has failed."""
    world = roomy_world
    world.declare("deaf", ONE.format(command=" ".join(child("stubborn", word))))
    run = world.trigger("deaf")
    wait_until(lambda: alive_as(word))
    run = world.find(run)
    workers = wait_until(lambda: psutil.Process(run.leader_pid).children())

    for worker in workers:
        worker.kill()

    assert world.await_final(run).state is RunState.FAILED
    assert world.family(run) == []
    assert running(word) == []


def alive_as(word):
    """The programs of tests/children with that word."""
    return [pid for pid in running(word) if is_program(pid)]


# Numbers that are another's


def test_a_number_that_was_used_again_is_never_signalled(tmp_path):
    """By the kernel itself, in a namespace in which numbers can be chosen."""
    if isolation() is None:
        pytest.skip("this machine lets nobody make a PID namespace")
    done = subprocess.run(
        [*isolation(), *child("reusing")], capture_output=True, text=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("gone alive\n", "")


def test_a_row_with_the_number_of_a_stranger_ends_nobody(roomy_world, word):
    """Runner and keeper were killed, and their numbers are another's when somebody comes back.

    What the numbers 0, 1 and -1 do is shown in tests/unit/test_estate.py, where nobody is ended:
    below pid 1 is all of the machine.
    """
    world = roomy_world
    run = world.await_ready(world.trigger("sleeping"))
    os.kill(run.keeper_pid, signal.SIGSTOP)
    world.one.kill()
    os.kill(run.keeper_pid, signal.SIGKILL)
    wait_until(lambda: linux.read(run.keeper_pid) is None)
    with subprocess.Popen(["/bin/sleep", word]) as stranger:
        world.conn.execute(
            "UPDATE runs SET leader_pid = %(pid)s, keeper_pid = %(pid)s WHERE id = %(id)s",
            {"pid": stranger.pid, "id": run.id},
        )

        world.start(world.one)

        assert world.await_final(run).state is RunState.INTERRUPTED
        assert world.family(run) == []
        assert stranger.poll() is None
        stranger.kill()


# Somebody whom we may not signal

#: An ordinary user; it may read what only root may, since Python can be in root's home.
ORDINARY = 65534
AS_ORDINARY = (
    "setpriv",
    f"--reuid={ORDINARY}",
    f"--regid={ORDINARY}",
    "--clear-groups",
    "--inh-caps=-all,+dac_read_search",
    "--ambient-caps=-all,+dac_read_search",
)


@pytest.fixture
def sudo(empty_world):
    """A program that makes root of an ordinary user, in a world of such a one."""
    if os.getuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can start other users")
    program = empty_world.folder / "sudo"
    shutil.copy(shutil.which("setpriv"), program)
    program.chmod(0o4755)
    empty_world.folder.chmod(0o755)
    becoming = [*AS_ORDINARY, str(program), "--reuid=0", "id", "--user"]
    became = subprocess.run(becoming, capture_output=True, text=True)
    if became.stdout != "0\n":
        pytest.skip(f"nobody becomes root here: {became.stderr}")
    return f"{program} --reuid=0 --regid=0 --clear-groups"


@pytest.fixture
def ordinary_world(empty_world, sudo, word):
    """Two webs and the runner "one", which is an ordinary user's and has no cgroups."""
    world = empty_world
    sleep = f"{sudo} sleep {word}"
    # Ansible asks the table of users for its home, and that one has none.
    home = {"WITNESS": str(world.reports), "ANSIBLE_REMOTE_TMP": str(world.one.folder / "remote")}
    world.declare("sudo", ONE.format(command=sleep), environment=home)
    tmp = world.one.folder / "tmp"
    tmp.mkdir()
    for path in (world.one.folder, tmp, world.reports):
        os.chown(path, ORDINARY, ORDINARY)
    world.one.wrapper = AS_ORDINARY
    world.one.start(RUNNER_CGROUP="off")
    world.start(*world.webs)
    world.one.await_ready()
    return world


def of_root(word):
    """The sleep that root has started."""
    found = [pid for pid in running(word) if linux.user(pid) == 0]
    return found if found and linux.command(found[0]).startswith("sleep") else []


@pytest.mark.parametrize("killed", ["nobody", "keeper", "runner"])
def test_a_run_with_a_survivor_is_never_called_stopped(ordinary_world, word, killed):
    """It is stopping, and names whom we may not signal, until that one ends by another's hand."""
    world = ordinary_world
    run = world.trigger("sudo")
    (survivor,) = wait_until(lambda: of_root(word))
    run = world.find(run)

    world.stop(run, force=True, reason="because")
    if killed == "keeper":
        os.kill(run.keeper_pid, signal.SIGKILL)
    elif killed == "runner":
        wait_until(lambda: world.find(run).survivors)
        world.one.kill()
        world.start(world.one)

    wait_until(lambda: world.find(run).survivors)
    wait_until(lambda: len(world.events(run, "survivors")) >= 1)
    told = world.webs[0].client.call("GET", f"/runs/{run.id}").json
    assert (told["state"], told["stopping"]) == ("running", True)
    (named,) = told["survivors"]
    assert (named["pid"], named["uid"]) == (survivor, 0)
    assert named["command"].startswith("sleep")
    assert f"run {run.id}: survivors" in world.one.log.read_text()
    assert world.stop(run, force=True).json["state"] == "running"

    os.kill(survivor, signal.SIGKILL)  # a person acts

    final = world.await_final(run)
    assert (final.state, final.survivors) == (RunState.STOPPED, [])
    assert final.stop_outcome is StopOutcome.KILLED
