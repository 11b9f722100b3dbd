"""Async jobs that may outlive their run: they alone, and only an end that nobody asked for."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.keeping import Kept, child, command_of, keepers
from tests.waiting import wait_until


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Kept]]:
    with keepers(tmp_path) as start_keeper:
        yield start_keeper


def end_left(kept: Kept) -> None:
    """End what was left, and show that nothing lives."""
    for member in kept.events("left")[0]["processes"]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(member["pid"], signal.SIGKILL)
    wait_until(lambda: kept.living() == [])


@pytest.mark.parametrize(
    ("code", "words", "signals"),
    [
        (0, [], []),
        (2, [], []),  # a task failed: that is an end of its own too
        (0, ["daemon"], [("TERM", "leftover")]),
        (0, ["stubborn"], [("TERM", "leftover"), ("KILL", "leftover")]),
    ],
    ids=["nobody else", "failed", "a daemon too", "a stubborn daemon too"],
)
def test_async_jobs_are_left_and_nobody_else(start, code, words, signals):
    kept = start().play(child("leaving", code, *words), leave_async=True, grace=0.3)
    exited = kept.wait_for_end()

    (left,) = kept.events("left")
    assert (exited["code"], exited["signalled"]) == (code, [])
    assert kept.signals() == signals
    assert [event["to"] for event in kept.events("signal")] == [1] * len(signals)
    assert {member["pid"] for member in left["processes"]} == set(kept.living())
    assert kept.events("gone")[0]["left"] == len(left["processes"]) == 3
    assert [command_of(each["pid"]) for each in left["processes"]] == [
        each["command"] for each in left["processes"]
    ]
    end_left(kept)


@pytest.mark.parametrize("allowed", [{}, {"leave_async": False}])
def test_a_template_that_does_not_say_so_leaves_nobody(start, allowed):
    kept = start().play(child("leaving", 0), **allowed)
    kept.wait_for_end()

    assert kept.signals()[0] == ("TERM", "leftover")
    assert kept.events("left") == []
    assert kept.living() == []


@pytest.mark.parametrize("letter", [b"s", b"k", b"t", b"d", None], ids=str)
def test_an_end_that_was_asked_for_leaves_nobody(start, letter):
    kept = start().play(child("leaving", 0, "stays"), leave_async=True, grace=0.3)
    kept.send(letter) if letter else kept.abandon()
    kept.wait_for_end()

    assert kept.events("left") == []
    assert kept.living() == []


def test_an_interrupt_by_a_stranger_leaves_nobody(start):
    kept = start().play(child("leaving", 99), leave_async=True)
    kept.wait_for_end()

    assert kept.events("left") == []
    assert kept.living() == []


def test_a_leader_killed_by_a_stranger_leaves_nobody(start):
    kept = start().play(child("leaving", 0, "stays"), leave_async=True)
    os.kill(kept.events("started")[0]["pid"], signal.SIGKILL)

    assert kept.wait_for_end()["code"] == -9
    assert kept.events("left") == []
    assert kept.living() == []


@pytest.mark.parametrize("letter", [b"s", b"k", None], ids=["stop", "force", "its runner's death"])
def test_a_request_while_the_rest_is_ended_ends_the_async_jobs_too(start, letter):
    """The daemon ignores TERM: until its grace is over there is time to ask."""
    kept = start().play(child("leaving", 0, "stubborn"), leave_async=True)
    kept.wait_for("signal")
    kept.send(letter) if letter else kept.abandon()
    exited = kept.wait_for_end()

    assert exited["signalled"] == []
    assert kept.events("left") == []
    assert kept.living() == []
