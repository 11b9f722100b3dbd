"""The ladder with real families: a stop that is told is a stop that happened."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.keeping import CHILDREN, Kept, child, keepers, living
from tests.waiting import wait_until


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    with keepers(tmp_path) as start_keeper:
        yield start_keeper


FAMILIES = [
    (["obedient"], "ends at the first signal"),
    (["stubborn"], "ignores all that can be ignored"),
    (["asked"], "the leader ends when asked, its child does not"),
    (["asked", "stubborn"], "and the child ignores TERM too"),
    (["forking", 30], "many sessions"),
    (["daemon"], "two forks, own session, no mark"),
    (["fork_storm", 7], "forks while it is killed"),
    (["respawning"], "each replaces the other"),
    (["headless"], "alive, but shown as a zombie"),
]
IDS = ["-".join(map(str, family)) for family, _ in FAMILIES]


@pytest.mark.parametrize(("family", "_what"), FAMILIES, ids=IDS)
def test_a_forced_stop_leaves_nothing_alive(start, family, _what):
    kept = start().play(child(*family))
    kept.send(b"k")
    exited = kept.wait_for_end()

    assert exited["code"] == -9
    assert exited["signalled"] == ["KILL"]
    assert kept.signals() == [("KILL", "force")]
    assert kept.events("gone")[0]["seconds"] < 30
    assert kept.living() == []


@pytest.mark.parametrize(("family", "_what"), FAMILIES, ids=IDS)
def test_a_graceful_stop_leaves_nothing_alive(start, family, _what):
    kept = start().play(child(*family), grace=0.3)
    kept.send(b"s")
    kept.wait_for_end()

    assert kept.signals()[0] == ("INT", "stop")
    assert kept.living() == []


@pytest.mark.parametrize(("family", "_what"), FAMILIES, ids=IDS)
def test_a_family_ends_with_its_runner(start, family, _what):
    kept = start().play(child(*family))
    kept.abandon()
    kept.wait_for_end()

    assert {why for _, why in kept.signals()} == {"orphaned"}
    assert kept.living() == []


def test_a_stopped_in_the_sense_of_ctrl_z_family_is_ended_too(start):
    kept = start().play(child("forking", 4), grace=5)
    for pid in kept.living():
        os.kill(pid, signal.SIGSTOP)
    kept.send(b"s")
    kept.wait_for_end()

    assert kept.signals() == [("INT", "stop"), ("TERM", "stop")]
    assert kept.living() == []


def test_asking_is_enough_for_who_listens(start):
    kept = start().play(child("obedient"))
    kept.send(b"s")
    exited = kept.wait_for_end()

    assert exited["signalled"] == ["INT"]
    assert exited["code"] in (-2, 1)  # Python's own way of dying of SIGINT
    assert kept.signals() == [("INT", "stop")]
    assert kept.living() == []


def test_what_a_leader_leaves_after_it_was_asked_is_terminated_at_once(start):
    kept = start().play(child("asked"))
    kept.send(b"s")
    exited = kept.wait_for_end()

    assert (exited["code"], exited["signalled"]) == (99, ["INT"])
    assert kept.signals() == [("INT", "stop"), ("TERM", "stop")]
    assert kept.events("signal")[1]["after"] < 2  # seconds, at which it would come anyway
    assert kept.living() == []


def test_a_polite_program_has_its_grace(start, tmp_path):
    kept = start().play(child("polite", tmp_path / "note"), grace=10)
    kept.send(b"s")
    exited = kept.wait_for_end()

    assert (tmp_path / "note").read_text() == "cleaned"
    assert (exited["code"], exited["signalled"]) == (0, ["INT", "TERM"])
    assert kept.living() == []


def test_who_ignores_everything_is_killed_after_the_grace(start):
    kept = start().play(child("stubborn"), grace=0.5)
    kept.send(b"s")
    exited = kept.wait_for_end()
    steps = [(event["signal"], event["to"]) for event in kept.events("signal")]
    after = [event["after"] for event in kept.events("signal")]

    assert steps == [("INT", 1), ("TERM", 1), ("KILL", 1)]
    assert after[1] >= 2.0
    assert after[2] >= 2.5
    assert after[2] < 30
    assert (exited["code"], exited["signalled"]) == (-9, ["INT", "TERM", "KILL"])
    assert kept.living() == []


def test_a_force_shortens_a_stop(start):
    kept = start().play(child("stubborn"), grace=60)
    kept.send(b"s")
    wait_until(kept.signals)
    kept.send(b"k")
    kept.wait_for_end()

    assert kept.signals() == [("INT", "stop"), ("KILL", "force")]
    assert kept.living() == []


def test_a_second_stop_changes_nothing(start):
    kept = start().play(child("stubborn"), grace=0.2)
    kept.send(b"sstsd")
    kept.wait_for_end()

    assert kept.signals() == [("INT", "stop"), ("TERM", "stop"), ("KILL", "stop")]
    assert kept.living() == []


def test_a_grace_of_nothing_is_a_force(start):
    kept = start().play(child("obedient"), grace=0)
    kept.send(b"s")
    kept.wait_for_end()

    assert kept.signals() == [("KILL", "stop")]
    assert kept.living() == []


@pytest.mark.parametrize(("request_", "why"), [(b"t", "timeout"), (b"d", "shutdown")])
def test_the_reason_is_told(start, request_, why):
    kept = start().play(child("obedient"))
    kept.send(request_)
    kept.wait_for_end()

    assert kept.signals() == [("INT", why)]
    assert kept.living() == []


@pytest.mark.parametrize(
    ("arguments", "signals"),
    [
        ((0,), [("TERM", "leftover")]),  # obeys
        ((2, "stubborn"), [("TERM", "leftover"), ("KILL", "leftover")]),
    ],
)
def test_what_a_run_leaves_behind_is_ended_after_it(start, arguments, signals):
    kept = start().play(child("detaching", *arguments), grace=0.3)
    exited = kept.wait_for_end()

    assert (exited["code"], exited["signalled"]) == (arguments[0], [])
    assert kept.signals() == signals
    assert kept.living() == []


def test_a_stop_that_comes_too_late_signals_no_leader(start):
    kept = start().play(child("detaching", 0, "stubborn"), grace=1)
    kept.wait_for("exit")
    kept.send(b"s")
    exited = kept.wait_for_end()

    assert exited["signalled"] == []
    assert {why for _, why in kept.signals()} == {"leftover"}
    assert kept.living() == []


def test_a_flood_nobody_reads_is_stopped(start):
    read, write = os.pipe()
    kept = start(output=write).order(child("flooding"))
    kept.send(b"o")
    wait_until(lambda: len(os.read(read, 65536)) == 65536)
    kept.send(b"s")
    kept.wait_for_end()
    os.close(read)

    assert kept.living() == []


def test_the_death_of_the_runner_ends_the_family(tmp_path):
    started = subprocess.run(
        [sys.executable, str(CHILDREN / "owner.py"), str(tmp_path)],
        capture_output=True,
        check=False,
        timeout=30,
        cwd=CHILDREN.parents[1],
    )
    installation = started.stdout.decode().strip()
    record = tmp_path / f"{installation}.jsonl"

    assert started.returncode == -signal.SIGKILL
    wait_until(lambda: '"gone"' in record.read_text())
    assert '"orphaned"' in record.read_text()
    assert living(installation) == []


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can start two other users")


@needs_root
def test_a_member_of_another_user_is_told_and_never_said_to_be_gone(start):
    with tempfile.TemporaryDirectory() as directory:
        os.chown(directory, 65533, 65533)
        kept = start(Path(directory), environment={"KEEPER_IS_UNPRIVILEGED": "1"})
        kept.order(["/bin/sleep", "120"], user=65534)
        kept.send(b"o")
        kept.wait_for("playing")
        leader = kept.wait_for("started")["pid"]
        wait_until(lambda: kept.living() == [leader])
        kept.send(b"k")
        survivors = kept.wait_for("survivors")["processes"]
        deadline = time.monotonic() + 1.5
        wait_until(lambda: time.monotonic() > deadline)

        assert survivors == [{"pid": leader, "uid": 65534, "command": "/bin/sleep 120"}]
        assert len(kept.events("survivors")) == 1
        assert kept.events("gone") == []

        os.kill(leader, signal.SIGTERM)  # a person acts
        assert kept.wait_for_end() == {
            "event": "exit",
            "code": -15,
            "signalled": [],
            "never_started": False,
            "orphaned": False,
        }
        assert kept.living() == []
