"""The processes that run together: their output, their deaths, their new starts."""

import os
import selectors
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from app.bootstrap import terminal
from app.bootstrap.children import Child, Children

LONGEST_DELAY = 30.0  # seconds between two starts of a process that dies at once
STEADY = 60.0  # seconds after which a process is no longer taken for one that dies at once

LONGEST_LINE = 65536  # bytes; a longer one is printed in pieces

COLOURS = (36, 33, 32, 35, 34, 31)  # ANSI: cyan, yellow, green, magenta, blue, red


def next_delay(delay: float, lived: float) -> float:
    """Return the seconds to wait before a new start: 1, 2, 4 … 30; 1 again after a steady life."""
    return 1.0 if lived >= STEADY or not delay else min(delay * 2, LONGEST_DELAY)


def name_ending(code: int) -> str:
    """Say how a process ended."""
    return f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"


@dataclass
class Member:
    """One process of the formation, through all its lives."""

    name: str
    begin: Callable[[], Child]
    child: Child | None = None
    started_at: float = 0.0
    #: Seconds waited before the last start.
    delay: float = 0.0
    #: When to start it again, on the monotonic clock. None while it lives.
    due_at: float | None = None
    #: What it has written since its last line's end.
    rest: bytes = b""


class Formation:
    """Keeps its members running until told to stop."""

    def __init__(self, children: Children) -> None:
        self.children = children
        self._members: list[Member] = []
        self._selector = selectors.DefaultSelector()
        self._is_stopping = False
        self._guard = os.pidfd_open(children.guard.pid)
        self._selector.register(self._guard, selectors.EVENT_READ)

    def add(self, name: str, begin: Callable[[], Child], child: Child | None = None) -> None:
        """Keep a process running; *child* is given when it has begun already."""
        member = Member(name, begin)
        self._members.append(member)
        self._attend(member, child or begin())

    def _attend(self, member: Member, child: Child) -> None:
        member.child, member.started_at, member.due_at = child, time.monotonic(), None
        self._on(child.member.pidfd, lambda: self._note_end(member, child))
        if output := child.process.stdout:
            os.set_blocking(output.fileno(), False)
            self._on(output.fileno(), lambda: self._forward(member, output))

    def _on(self, descriptor: int, react: Callable[[], object]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, react)

    def run(self, each_turn: Callable[[], None]) -> None:
        """Keep all running until a signal comes, or somebody kills the guard."""
        noted = terminal.note_signals()
        while not noted and not self._turn():
            each_turn()

    def stop(self) -> None:
        """Let the guard stop all, and forward what they say meanwhile."""
        self._is_stopping = True
        self.children.release()
        while not self._turn():
            pass
        self._turn()  # what they said last
        self._selector.close()
        os.close(self._guard)

    def _turn(self) -> bool:
        """React to what has happened. Return whether the guard has ended."""
        guard_ended = False
        for key, _ in self._selector.select(timeout=0.1):
            if key.fd == self._guard:
                guard_ended = True
            elif key.fd in self._selector.get_map():  # not closed by an event before this one
                key.data()
        if not self._is_stopping:
            self._start_due()
        return guard_ended

    def _start_due(self) -> None:
        for member in self._members:
            if member.due_at is not None and member.due_at <= time.monotonic():
                self._attend(member, member.begin())

    def _note_end(self, member: Member, child: Child) -> None:
        self._selector.unregister(child.member.pidfd)
        if output := child.process.stdout:
            self._drain(member, output)
        code = self.children.finish(child)
        if self._is_stopping:
            return
        now = time.monotonic()
        member.delay = next_delay(member.delay, now - member.started_at)
        member.due_at = now + member.delay
        terminal.say(f"{member.name} {name_ending(code)}; starting it again in {member.delay:g} s")

    def _drain(self, member: Member, output: IO[bytes]) -> None:
        """Take what is in the pipe and close it. Its end may never come: others may hold it."""
        while not output.closed and self._forward(member, output):
            pass
        self._print(member, *filter(None, [member.rest]))
        member.rest = b""
        self._close(output)

    def _forward(self, member: Member, output: IO[bytes]) -> bool:
        """Print the lines that have come. Return whether there may be more."""
        try:
            content = os.read(output.fileno(), 65536)
        except BlockingIOError:
            return False
        *lines, member.rest = (member.rest + content).split(b"\n")
        if len(member.rest) > LONGEST_LINE:
            lines, member.rest = [*lines, member.rest], b""
        self._print(member, *lines)
        if not content:
            self._close(output)
        return bool(content)

    def _close(self, output: IO[bytes]) -> None:
        if not output.closed:
            self._selector.unregister(output.fileno())
            output.close()

    def _print(self, member: Member, *lines: bytes) -> None:
        width = max(len(each.name) for each in self._members)
        label = f"{member.name:{width}} |"
        if sys.stdout.isatty():
            colour = COLOURS[self._members.index(member) % len(COLOURS)]
            label = f"\x1b[{colour}m{label}\x1b[0m"
        for line in lines:
            terminal.write(sys.stdout, label.encode() + b" " + line + b"\n")
