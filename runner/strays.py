"""Orphans that a killed keeper has left to the runner, which is a subreaper too."""

import os
from collections.abc import Iterable
from typing import Protocol

from runner.kept import Process


class Child(Protocol):
    """A process that this one has started itself."""

    @property
    def process(self) -> Process:
        """Whoever wants to reap it."""

    @property
    def pid(self) -> int:
        """Its number."""


def reap_strays(children: Iterable[Child]) -> int:
    """Take ended orphans out of the process table; tell how many there were."""
    by_pid = {child.pid: child for child in children}
    count = 0
    while (pid := _ended_child()) is not None:
        if pid in by_pid:
            by_pid[pid].process.poll()  # Popen wants to take it itself
        else:
            count += _reap(pid)
    return count


def _ended_child() -> int | None:
    """A child that has ended, left where it is."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    return None if ended is None else ended.si_pid


def _reap(pid: int) -> bool:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return False  # the thread that waits for settled keepers was first
    return True
