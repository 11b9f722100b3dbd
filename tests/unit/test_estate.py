"""Whom a row names as the keeper of a run is believed only if it is one."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runner import linux
from runner.estate import Estate
from tests.made import make_run

LATER = 1 << 62  # ticks after boot; a leader created then is younger than everybody


def keeper_of(pid: int | None, leader_created: int = LATER) -> int | None:
    """The pid that is believed. Only looked at: whoever is below a keeper would be ended."""
    run = make_run(keeper_pid=pid, leader_created=leader_created)
    keeper = Estate(run, "00000000", lambda: True).keeper()
    return keeper.pid if keeper else None


@pytest.fixture
def keeper() -> Iterator[int]:
    """An idle keeper as a runner starts it."""
    control, end = os.pipe()
    command = [sys.executable, "-P", "-m", "runner.leader", *[str(control)] * 3]
    with subprocess.Popen(command, pass_fds=[control]) as process:
        yield process.pid
        os.close(control)
        os.close(end)


def test_a_keeper_is_known(keeper):
    assert keeper_of(keeper) == keeper


def test_who_is_younger_than_the_leader_is_not_its_keeper(keeper):
    seen = linux.read(keeper)

    assert keeper_of(keeper, seen.created) == keeper
    assert keeper_of(keeper, seen.created - 1) is None


@pytest.mark.parametrize(
    "pid",
    [
        None,  # never registered
        -1,  # everybody, for kill(2)
        0,  # our group, for kill(2)
        1,  # above everybody
        pytest.param(os.getpid(), id="ours"),  # older than the leader, and no keeper
    ],
)
def test_nobody_else_is_taken_for_a_keeper(pid):
    assert keeper_of(pid) is None
