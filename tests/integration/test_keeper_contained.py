"""The ladder over a family in a cgroup; the same without one is in test_keeper_stop.py."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from runner import family
from runner.cgroup import Group, name_of
from tests.cgroups import CONTROLLERS, cleared, groups_of, require_parent_in
from tests.keeping import RUN, Kept, child, keepers
from tests.waiting import wait_until

MOST_ESCAPING = [
    (["asked", "stubborn"], "the leader ends when asked, its child ignores all"),
    (["daemon"], "two forks, own session, no mark"),
    (["fork_storm", 7], "forks while it is killed"),
    (["respawning"], "each replaces the other"),
    (["headless"], "alive, but shown as a zombie"),
]
IDS = ["-".join(map(str, program)) for program, _ in MOST_ESCAPING]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    """Start a keeper; show at last that nobody is left in the group of its family."""
    with ExitStack() as closing, keepers(tmp_path) as start_keeper:

        def start_one(*arguments: Path, **options: dict[str, str]) -> Kept:
            kept = start_keeper(*arguments, **options)
            closing.enter_context(cleared(kept.installation))
            return kept

        yield start_one


def group_for(kept: Kept, controller: str) -> Group:
    """Mean the group that the family of a keeper shall have."""
    return Group(require_parent_in(controller) / name_of(kept.installation, f"{RUN}-0a1b2c3d"))


def is_gone(kept: Kept) -> bool:
    """Whether neither marks nor the groups show a member."""
    return kept.living() == [] and all(group.is_empty() for group in groups_of(kept.installation))


@CONTROLLERS
@pytest.mark.parametrize(("program", "_what"), MOST_ESCAPING, ids=IDS)
def test_a_forced_stop_leaves_nobody_in_the_group(start, program, _what, controller):
    kept = start()
    group = group_for(kept, controller)
    kept.play(child(*program), cgroup=str(group.directory))

    assert len(group.members()) >= 1
    kept.send(b"k")
    exited = kept.wait_for_end()

    assert kept.events("entered")[0]["outside"] is None
    assert (exited["code"], exited["signalled"]) == (-9, ["KILL"])
    assert kept.signals() == [("KILL", "force")]
    assert kept.events("gone")[0]["seconds"] < 30
    assert is_gone(kept)
    assert group.remove()


@CONTROLLERS
def test_a_graceful_stop_needs_no_kill(start, controller):
    kept = start()
    group = group_for(kept, controller)
    kept.play(child("asked"), cgroup=str(group.directory))
    kept.send(b"s")
    kept.wait_for_end()

    assert kept.signals() == [("INT", "stop"), ("TERM", "stop")]
    assert kept.events("signal")[1]["after"] < 2  # seconds, at which it would come anyway
    assert is_gone(kept)


def test_an_end_is_not_delayed_by_its_proof(start):
    kept = start()
    group = group_for(kept, "")
    kept.order(["/bin/true"], cgroup=str(group.directory)).send(b"o")
    kept.wait_for_end()

    assert kept.signals() == []
    assert kept.events("gone")[0]["seconds"] < 5


def test_the_keeper_stays_outside_of_the_group(start):
    kept = start()
    group = group_for(kept, "")
    kept.play(child("forking", 3), cgroup=str(group.directory))

    assert {member.pid for member in group.members()} == {
        member.pid for member in family.below(kept.keeper.pid)
    }
    kept.send(b"k")
    kept.wait_for_end()


@pytest.mark.parametrize(
    ("directory", "fault"),
    [
        ("/nonexistent/group", "No such file or directory"),  # its parent has gone
        ("{tmp}/group", "No such file or directory"),  # made, but it has nobody's list
        ("/proc/group", "No such file or directory"),
    ],
)
def test_a_group_that_cannot_be_entered_fails_no_run(start, tmp_path, directory, fault):
    kept = start()
    kept.play(child("daemon"), cgroup=directory.format(tmp=tmp_path))
    entered = kept.wait_for("entered")
    kept.send(b"k")
    exited = kept.wait_for_end()

    assert fault in entered["outside"]
    assert (exited["code"], exited["signalled"]) == (-9, ["KILL"])
    assert kept.living() == []


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can start two other users")


@needs_root
def test_a_member_of_another_user_is_killed_by_the_kernel(start):
    """Without a group it survives, and is told: test_keeper_stop.py."""
    parent = require_parent_in("")
    with tempfile.TemporaryDirectory() as directory:
        os.chown(directory, 65533, 65533)
        kept = start(Path(directory), environment={"KEEPER_IS_UNPRIVILEGED": "1"})
        with delegated(parent, kept) as delegate:
            group = Group(delegate / name_of(kept.installation, f"{RUN}-0a1b2c3d"))
            kept.order(["/bin/sleep", "120"], user=65534, cgroup=str(group.directory))
            kept.send(b"o")
            kept.wait_for("playing")
            leader = kept.wait_for("started")["pid"]
            wait_until(lambda: kept.living() == [leader])
            outside = kept.events("entered")[0]["outside"]
            kept.send(b"k")
            exited = kept.wait_for_end()

    assert outside is None
    assert (exited["code"], exited["signalled"]) == (-9, ["KILL"])
    assert kept.events("survivors") == []
    assert kept.living() == []


@contextmanager
def delegated(parent: Path, kept: Kept) -> Iterator[Path]:
    """Let the keeper's user have a part of the tree, its own group included, as systemd does."""
    directory = parent / f"delegated-{kept.installation}"
    directory.mkdir()
    os.chown(directory, 65533, -1)
    os.chown(directory / "cgroup.procs", 65533, -1)
    Group(directory).put(kept.keeper.pid)
    yield directory
    wait_until(Group(directory).remove)


def test_whoever_is_in_the_group_is_ended_before_the_family_is_gone(start):
    kept = start()
    group = group_for(kept, "")
    kept.play(child("obedient"), cgroup=str(group.directory))
    with subprocess.Popen(["/bin/sleep", "120"]) as stranger:
        group.put(stranger.pid)
        kept.send(b"k")
        kept.wait_for_end()

        assert stranger.wait(timeout=1) == -9
    assert is_gone(kept)


def test_what_may_be_left_is_not_killed_by_the_group(start):
    """The kernel would spare nobody of it, and a stubborn daemon needs the last rung."""
    kept = start()
    group = group_for(kept, "")
    order = {"leave_async": True, "grace": 0.3, "cgroup": str(group.directory)}
    kept.play(child("leaving", 0, "stubborn"), **order)
    kept.wait_for_end()

    (left,) = kept.events("left")
    assert kept.signals() == [("TERM", "leftover"), ("KILL", "leftover")]
    assert {member["pid"] for member in left["processes"]} == set(kept.living())
    assert {member["pid"] for member in left["processes"]} == {each.pid for each in group.members()}
    assert not group.remove()  # a later sweep does, when they have ended
    group.kill()
    wait_until(lambda: is_gone(kept))
