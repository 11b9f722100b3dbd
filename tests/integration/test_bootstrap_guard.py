"""Whatever a command has started ends with it, however it ends."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.bootstrap import guard
from app.bootstrap.children import Children
from tests.living import living
from tests.waiting import wait_until

#: Starts each of its arguments, a shell line, and says when all of them run.
COMMAND = """
import signal, sys
from app.bootstrap.children import Children
with Children() as children:
    for line in sys.argv[1:]:
        children.start("app", ["/bin/sh", "-c", line])
    print("started", flush=True)
    signal.pause()
"""

OBEDIENT = "exec sleep 1000"
FORKING = "sleep 1000 & sleep 1000 & wait"
STUBBORN = "trap '' TERM INT HUP; while :; do sleep 1; done"


@pytest.fixture
def mark() -> Iterator[str]:
    mark = uuid.uuid4().hex
    yield mark
    left = living(mark)
    for process in left:
        process.kill()
    assert not left


@pytest.fixture
def start_command(mark: str) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    commands = []

    def start(*lines: str) -> subprocess.Popen[bytes]:
        command = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *lines],
            env={**os.environ, "MARK": mark},
            stdout=subprocess.PIPE,
        )
        commands.append(command)
        assert command.stdout
        assert command.stdout.readline() == b"started\n"
        return command

    yield start
    for command in commands:
        command.kill()
        command.wait()
        command.stdout.close()


@pytest.mark.parametrize(
    "line",
    [
        OBEDIENT,
        FORKING,  # the shell's children are in its group
    ],
)
def test_a_killed_command_leaves_no_child(start_command, mark, line):
    command = start_command(line, OBEDIENT)
    assert len(living(mark)) >= 4  # itself, the guard, two children

    command.kill()

    wait_until(lambda: not living(mark))


def test_a_command_killed_while_it_starts_children_leaves_none(mark):
    for delay in range(0, 40, 4):
        command = subprocess.Popen(
            [sys.executable, "-c", COMMAND, *[OBEDIENT] * 50],
            env={**os.environ, "MARK": mark},
            stdout=subprocess.DEVNULL,
        )
        wait_until(lambda wanted=delay: len(living(mark)) >= wanted)
        command.kill()
        command.wait()

        wait_until(lambda: not living(mark))


def test_signals_of_a_terminal_do_not_end_the_guard(start_command, mark):
    command = start_command(OBEDIENT)
    watching = next(each for each in living(mark) if guard.__file__ in each.cmdline())

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        watching.send_signal(number)
    command.kill()

    wait_until(lambda: not living(mark))


def test_leaving_the_context_ends_all_children(mark):
    with Children() as children:
        for line in (OBEDIENT, FORKING):
            children.start("app", ["/bin/sh", "-c", line], env={**os.environ, "MARK": mark})
        wait_until(lambda: len(living(mark)) >= 3)

    assert not living(mark)


def test_with_the_guard_killed_the_command_itself_ends_its_children(mark):
    with Children() as children:
        children.start("app", ["/bin/sh", "-c", OBEDIENT], env={**os.environ, "MARK": mark})
        children.guard.kill()

    assert not living(mark)


def test_without_a_guard_nothing_is_started(tmp_path):
    with Children() as children:
        children.guard.kill()
        children.guard.wait()

        child = children.start("app", ["touch", str(tmp_path / "ran")], output=subprocess.DEVNULL)

        assert children.finish(child) != 0
        assert not (tmp_path / "ran").exists()


def test_kinds_end_in_order_apps_then_redis_then_postgres(tmp_path, mark):
    ended = tmp_path / "ended"
    with Children() as children:
        for kind, signals in (("postgres", "INT"), ("redis", "TERM"), ("app", "TERM")):
            line = f"trap 'echo {kind} >> {ended}; exit' {signals}; touch {tmp_path / kind}; "
            line += "while :; do sleep 0.01; done"
            children.start(kind, ["/bin/sh", "-c", line], env={**os.environ, "MARK": mark})
        wait_until(lambda: all((tmp_path / kind).exists() for kind in guard.LADDERS))

    assert ended.read_text().split() == ["app", "redis", "postgres"]


def test_an_ended_child_takes_the_rest_of_its_group_along(mark):
    with Children() as children:
        child = children.start(
            "app", ["/bin/sh", "-c", "sleep 1000 & exit 3"], env={**os.environ, "MARK": mark}
        )

        assert children.finish(child) == 3
        wait_until(lambda: not living(mark))


def test_a_kernel_that_cannot_signal_a_group_by_pidfd_gets_it_by_number(monkeypatch):
    monkeypatch.setattr(guard, "PIDFD_SIGNAL_PROCESS_GROUP", 1 << 30)  # EINVAL, as before 6.9
    child = subprocess.Popen(["/bin/sh", "-c", FORKING], process_group=0, stdout=subprocess.PIPE)
    member = guard.watch(child.pid)
    assert member

    guard.stop([member], ((signal.SIGTERM, 5.0),))

    assert child.communicate()[0] == b""  # nobody holds the pipe any more
    assert child.returncode == -signal.SIGTERM
    guard.signal_group(member, signal.SIGKILL)  # it has ended: nobody is signalled
    os.close(member.pidfd)


def test_many_restarts_use_up_no_descriptors():
    with Children() as children:
        for _ in range(50):
            children.finish(children.start("app", ["true"]))
        descriptors = Path(f"/proc/{children.guard.pid}/fd")

        assert len(list(descriptors.iterdir())) < 10
        assert len(children._started) == 0


def is_deaf(mark: str) -> bool:
    """Whether the shell of STUBBORN has come to its loop, behind its trap."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return any(each.cmdline() == ["sleep", "1"] for each in living(mark))
    return False


def test_a_stubborn_child_costs_its_ladder_and_no_more(start_command, mark):
    """SIGKILL after that, and nobody is left."""
    command = start_command(STUBBORN, OBEDIENT)
    wait_until(lambda: is_deaf(mark))
    started = time.monotonic()

    command.kill()
    wait_until(lambda: not living(mark))

    assert 8 <= time.monotonic() - started < 30
