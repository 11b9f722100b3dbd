"""Checkouts as runs do them: each in a process of its own, forked ahead and held at a gate."""

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from app.bootstrap import terminal


class Turn(NamedTuple):
    """What came of calls that were let go at once."""

    #: Seconds from the gate to the last one's end.
    wall: float
    #: Seconds of the calling processes and of all the git they waited for; no server's.
    cpu: float
    #: Where each call's files are.
    trees: list[Path]


def take_turn(calls: Sequence[Callable[[], Path]]) -> Turn:
    """Make the *calls* at once. Raise RuntimeError when one of them failed."""
    gate, opener = os.pipe()
    forks = [_fork(call, gate, opener) for call in calls]
    os.close(gate)
    began = time.monotonic()
    os.close(opener)
    try:
        answers = [_read(pipe) for _, pipe in forks]
    finally:  # however we end: they end by themselves
        ends = [os.wait4(pid, 0) for pid, _ in forks]
    if any(status for _, status, _ in ends):
        raise RuntimeError("a checkout of the benchmark failed")
    ended, trees = zip(*(answer.split(maxsplit=1) for answer in answers), strict=True)
    cpu = sum(usage.ru_utime + usage.ru_stime for _, _, usage in ends)
    return Turn(max(map(float, ended)) - began, cpu, [Path(tree) for tree in trees])


def _fork(call: Callable[[], Path], gate: int, opener: int) -> tuple[int, int]:
    """Fork a child that waits until the gate is closed, and answers with its end and its tree."""
    pipe, answer = os.pipe()
    if pid := os.fork():
        os.close(answer)
        return pid, pipe
    try:
        _die_when_stopped()
        os.close(opener)
        os.read(gate, 1)
        tree = call()
        os.write(answer, f"{time.monotonic()} {tree}".encode())
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(1)


def _die_when_stopped() -> None:
    """Leave to our parent what is to be said and done about Ctrl-C."""
    for number in terminal.STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _read(pipe: int) -> str:
    with open(pipe) as file:
        return file.read()
