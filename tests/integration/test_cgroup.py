"""A group of real processes, in each hierarchy that this machine lets us write to."""

import os
import secrets
import signal
import subprocess
import sys

import pytest

from runner import cgroup, containment, family, linux
from runner.cgroup import Group, name_of
from runner.hierarchy import V2, Hierarchy
from tests.cgroups import CONTROLLERS, cleared, require_parent_in
from tests.keeping import child
from tests.waiting import wait_until

SLEEP = ["/bin/sleep", "120"]
RUN = 12
needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can start another user's")


@pytest.fixture
def installation():
    """A mark that no other test has; nothing is left of its groups."""
    mark = secrets.token_hex(4)
    with cleared(mark):
        yield mark


@pytest.fixture
def make_group(installation):
    """Mean the group of a run in the hierarchy of a controller."""

    def make(controller):
        name = name_of(installation, f"{RUN}-{secrets.token_hex(4)}")
        return Group(require_parent_in(controller) / name)

    return make


@pytest.fixture
def start():
    """Start a program in a group; wait for it at last."""
    started = []

    def start_in(group, argv=SLEEP, **options):
        enter = group.enter if not group.directory.exists() else lambda: group.put(0)
        process = subprocess.Popen(argv, preexec_fn=enter, **options)
        started.append(process)
        return process

    yield start_in
    for process in started:
        process.wait(timeout=60)


def pids(group):
    return {member.pid for member in group.members()}


@CONTROLLERS
def test_a_group_has_who_entered_and_all_their_children(make_group, start, controller):
    group = make_group(controller)
    leader = start(group, child("daemon"), stdout=subprocess.PIPE)
    leader.stdout.readline()

    assert leader.pid in pids(group)
    assert len(pids(group)) == 2
    assert not group.is_empty()
    group.kill()
    wait_until(group.is_empty)
    assert pids(group) == set()
    leader.stdout.close()


@CONTROLLERS
@pytest.mark.parametrize(
    "program", [["fork_storm", 7], ["respawning"], ["forking", 20]], ids=["storm", "respawn", "30"]
)
def test_one_kill_leaves_nobody(make_group, start, controller, program):
    """Not even of those that fork meanwhile; without a freezer it may take a few rounds."""
    group = make_group(controller)
    leader = start(group, child(*program), stdout=subprocess.PIPE)
    leader.stdout.readline()

    assert group.kill() != []
    wait_until(group.is_empty if controller != "pids" else lambda: group.kill() == [])

    assert group.is_empty()
    leader.stdout.close()


def test_an_older_kernel_kills_by_freezing(make_group, start, monkeypatch):
    """Version 2 has cgroup.kill since Linux 5.14, and a freezer since 5.2."""
    group = make_group("")
    write = cgroup._try_write
    written = []

    def without_kill(path, text):
        written.append((path.name, text))
        return path.name != "cgroup.kill" and write(path, text)

    monkeypatch.setattr(cgroup, "_try_write", without_kill)
    leader = start(group, child("fork_storm", 6), stdout=subprocess.PIPE)
    leader.stdout.readline()

    assert leader.pid in [member.pid for member in group.kill()]

    assert written[1:] == [("cgroup.freeze", "1"), ("cgroup.freeze", "0")]
    wait_until(group.is_empty)
    leader.stdout.close()


@CONTROLLERS
def test_a_group_below_the_group_belongs_to_it(make_group, start, controller):
    group = make_group(controller)
    start(group)
    inner = Group(group.directory / "made" / "by a member")
    inner.directory.parent.mkdir()
    hidden = start(inner)

    assert hidden.pid in pids(group)
    group.kill()
    wait_until(group.is_empty)
    assert group.remove()
    assert not group.directory.exists()


@CONTROLLERS
def test_a_group_with_somebody_in_it_is_not_removed(make_group, start, controller):
    group = make_group(controller)
    sleeper = start(group)

    assert not group.remove()
    sleeper.kill()
    sleeper.wait()
    assert wait_until(group.remove)
    assert group.remove()  # again: it is not there any more
    assert group.is_empty()
    assert group.members() == group.kill() == []


@needs_root
@CONTROLLERS
def test_the_kernel_kills_another_users_processes_too(make_group, start, controller):
    """By cgroup.kill, that is: one by one they refuse an ordinary user."""
    group = make_group(controller)
    sleeper = start(group, ["setpriv", "--reuid=65534", "--clear-groups", *SLEEP])
    wait_until(lambda: linux.user(sleeper.pid) == 65534)
    for name in ("cgroup.kill", "cgroup.procs"):
        if (group.directory / name).exists():
            os.chown(group.directory / name, 65533, -1)  # as a delegate has it
    code = (
        "import os, sys; from runner.cgroup import Group; os.setresuid(65533, 65533, 65533);"
        "print(*[member.pid for member in Group(sys.argv[1]).kill()])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(group.directory)],
        capture_output=True,
        check=True,
        text=True,
    ).stdout

    if controller:
        assert (told.split(), sleeper.poll()) == ([], None)
        sleeper.kill()
    else:
        assert told.split() == [str(sleeper.pid)]
    wait_until(group.is_empty)


def test_who_was_frozen_by_a_keeper_that_died_is_thawed_when_found(make_group, start, installation):
    """In version 1 not even SIGKILL reaches who is frozen."""
    group = make_group("freezer")
    sleeper = start(group)
    (group.directory / "freezer.state").write_text("FROZEN")
    wait_until(lambda: "FROZEN" in (group.directory / "freezer.state").read_text())
    sleeper.send_signal(signal.SIGKILL)

    list(cgroup.find(installation))

    assert sleeper.wait(timeout=60) == -signal.SIGKILL


@CONTROLLERS
def test_a_family_that_shed_everything_is_found_by_its_group(
    make_group, start, installation, controller
):
    group = make_group(controller)
    sleeper = start(group, env={})

    found = family.find(installation)
    others = family.find(secrets.token_hex(4))
    ended = family.end(lambda: family.find(installation).get(RUN, []), 5)

    assert [member.pid for member in found[RUN]] == [sleeper.pid]
    assert others == {}
    assert (ended.terminated, ended.killed, ended.survivors) == (1, 0, [])
    assert sleeper.wait(timeout=60) == -signal.SIGTERM


@needs_root
def test_whoever_is_outside_of_our_pid_namespace_is_neither_member_nor_signalled(make_group, start):
    """Version 2 lists each of them as 0, which kill() would take for our own process group."""
    group = make_group("")
    sleeper = start(group)
    look = "from runner.cgroup import Group; import sys; g = Group(sys.argv[1]);"
    code = f"{look} print((g.directory / 'cgroup.procs').read_text(), g.members(), g.is_empty())"
    apart = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", code]
    told = subprocess.run(
        [*apart, str(group.directory)], capture_output=True, text=True, check=False
    )
    if told.returncode:
        pytest.skip(f"no PID namespace can be made here: {told.stderr}")

    assert told.stdout.split() == ["0", "[]", "False"]
    assert sleeper.poll() is None
    sleeper.kill()


def test_what_cannot_be_used_is_told_and_not_used(tmp_path, monkeypatch):
    """A directory where nobody is, a mount that is no cgroup, one that we are outside of."""
    nowhere = [
        Hierarchy(V2, "", str(tmp_path), str(tmp_path / "missing")),
        Hierarchy(V2, "", str(tmp_path), str(tmp_path)),
        Hierarchy(V2, "", str(tmp_path), None),
    ]
    faults = [containment.try_out(hierarchy) for hierarchy in nowhere]
    monkeypatch.setattr(containment, "mounted", lambda: tuple(nowhere))

    assert ["No such file" in str(fault) for fault in faults] == [True, True, False]
    assert "outside" in str(faults[2])
    assert containment.find_containment("auto").kind == "subreaper"
    assert containment.find_containment("auto").group("0a1b2c3d", "1-00000000") is None
    assert list(tmp_path.iterdir()) == []


@needs_root
@CONTROLLERS
def test_a_read_only_mount_is_not_used(tmp_path, controller):
    """As Docker mounts it."""
    parent = require_parent_in(controller)
    code = (
        "import sys; from pathlib import Path; from runner.containment import try_out;"
        "from runner.hierarchy import Hierarchy; print(try_out(Hierarchy('', '', '', sys.argv[1])))"
    )
    script = 'mount --bind "$0" "$1" && mount -o remount,ro,bind "$1" && exec "$2" -c "$3" "$1"'
    shell = ["sh", "-c", script, str(parent), str(tmp_path), sys.executable, code]
    told = subprocess.run(
        ["unshare", "--mount", *shell], capture_output=True, text=True, check=False
    )
    if told.returncode:
        pytest.skip(f"no mount namespace can be made here: {told.stderr}")

    assert "Read-only file system" in told.stdout


def test_off_is_off():
    assert containment.find_containment("off") == containment.Containment(containment.SUBREAPER)
