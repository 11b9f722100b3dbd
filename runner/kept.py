"""The runner's end of a keeper: its pipes, and the requests that go down them.

Keepers are started idle and ahead of need, so that their start-up (some 150 ms of imports) costs
a run nothing.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from runner.record import parse_lines
from runner.visible import keeper_environment

ROOT = Path(__file__).resolve().parent.parent
SPARES = 2  # idle keepers; a burst of runs finds keepers that are still starting
LAST_BREATH = 2.0  # seconds that a keeper may take to end when its family is gone
REST = 5.0  # seconds until it is tried again when no keeper could be started
CHUNK = 65_536  # bytes per read of a pipe: its usual capacity


class Process(Protocol):
    """What is used of a Popen."""

    pid: int

    def poll(self) -> int | None:
        """Its exit code. None while it lives."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raise subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """Kill it."""


#: Starts a keeper on the descriptors of its control, status and output. Raises OSError.
Launch = Callable[[tuple[int, ...]], Process]


def launch(theirs: tuple[int, ...]) -> Process:
    """Start a keeper as a program of its own."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "runner.leader", *map(str, theirs)],
        pass_fds=theirs,
        stdin=subprocess.DEVNULL,
        env={**keeper_environment(os.environ), "PYTHONPATH": str(ROOT)},
        process_group=0,  # the terminal's Ctrl-C is the runner's to answer
    )


class Kept:
    """One keeper process with its three pipes. Only `request` may be called by any thread."""

    def __init__(self, launch: Launch = launch) -> None:
        """Start an idle keeper. Raise OSError when none can be started."""
        (control, end), (self.status, status), (self.output, output) = _pipes(3)
        self._control: int | None = end
        theirs = (control, status, output)
        try:
            self.process = launch(theirs)
        except OSError:
            for descriptor in (end, self.status, self.output):
                os.close(descriptor)
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        for descriptor in (self.status, self.output):
            os.set_blocking(descriptor, False)
        self._lock = threading.Lock()
        self._line = b""

    @property
    def pid(self) -> int:
        """The keeper's own pid: the family is below it."""
        return self.process.pid

    def order(self, order: dict[str, Any]) -> None:
        """Give it the one order of its life."""
        self._send(json.dumps(order).encode() + b"\n")

    def open_gate(self) -> None:
        """Let the leader go on."""
        self._send(b"o")

    def request(self, letter: bytes) -> None:
        """Ask it to end the family: s stops, k forces, t for a time-out, d for a shutdown."""
        self._send(letter)

    def _send(self, message: bytes) -> None:
        with self._lock:
            if self._control is None:
                return
            try:
                os.write(self._control, message)
            except BrokenPipeError:
                return  # it is gone; its status pipe tells so too

    def read_status(self) -> Iterator[dict[str, Any]] | None:
        """The status lines that have come. None when no more can come: it has ended."""
        try:
            received = os.read(self.status, CHUNK)
        except BlockingIOError:
            return iter(())
        if not received:
            return None
        *lines, self._line = (self._line + received).split(b"\n")
        return parse_lines(lines)

    def read_output(self) -> bytes | None:
        """Output that has come, at most CHUNK. None at its end; empty when there is none now."""
        try:
            return os.read(self.output, CHUNK) or None
        except BlockingIOError:
            return b""

    def kill(self) -> None:
        """Kill a keeper that does not answer: the leader dies with it, the rest is to be swept."""
        self.process.kill()

    def close(self) -> None:
        """Close the pipes: an idle keeper ends by that."""
        with self._lock:
            if self._control is not None:
                os.close(self._control)
                self._control = None
        os.close(self.status)
        os.close(self.output)

    def reap(self) -> None:
        """Wait for its end, not for ever, and take it out of the process table."""
        try:
            self.process.wait(LAST_BREATH)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _pipes(count: int) -> list[tuple[int, int]]:
    """Make pipes, all or none of them: the descriptors may run out in between."""
    pipes: list[tuple[int, int]] = []
    try:
        for _ in range(count):
            pipes.append(os.pipe())
    except OSError:
        for descriptor in chain(*pipes):
            os.close(descriptor)
        raise
    return pipes


class Keepers:
    """The idle keepers of a runner."""

    def __init__(self, spares: int = SPARES) -> None:
        """Start the first ones."""
        self._spares = spares
        self._idle: deque[Kept] = deque()
        self._rest_until = 0.0
        self.refill()

    @property
    def idle(self) -> list[Kept]:
        """Those that wait for an order."""
        return list(self._idle)

    def take(self) -> Kept:
        """An idle keeper. Raise OSError when none can be started."""
        while self._idle:
            kept = self._idle.popleft()
            if kept.process.poll() is None:
                return kept
            kept.close()
        return Kept()

    def refill(self) -> None:
        """Start one of those that are missing. Raise OSError when it cannot be started."""
        if len(self._idle) < self._spares and time.monotonic() >= self._rest_until:
            self._idle.append(Kept())

    def rest(self) -> None:
        """Try no more for a while."""
        self._rest_until = time.monotonic() + REST

    def close(self) -> None:
        """End the idle ones."""
        closing = [self._idle.popleft() for _ in range(len(self._idle))]
        for kept in closing:
            kept.close()
        for kept in closing:
            kept.reap()
