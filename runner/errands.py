"""The processes that run errands beside the runs: one of a kind at a time, started when needed.

They are of no run's family: whoever looks for strays must leave them, and what is below, alone.
"""

import logging
import os
import subprocess
import sys
import threading
import time
from typing import Final, NamedTuple

from runner import family, keys
from runner.kept import ROOT

log = logging.getLogger(__name__)

LIFE: Final = 150.0  # seconds; an errand has 50, and none begins after the first 60
LAST_BREATH: Final = 1.0  # seconds from SIGTERM to SIGKILL


class Kind(NamedTuple):
    """What such a process does."""

    #: `python -m MODULE PID`.
    module: str
    #: The RQ queue of its jobs.
    queue: str
    #: The key that tells whose turn it is to start one.
    turn: str


LOOKS: Final = Kind("jobs.errands", keys.ERRANDS, keys.ERRANDS_TURN)
NOTIFICATIONS: Final = Kind("jobs.senders", keys.NOTIFICATIONS, keys.NOTIFICATIONS_TURN)


class ErrandProcess:
    """A process of one kind, which ends when there are no more errands for it."""

    def __init__(self, kind: Kind) -> None:
        """Start it. Raise OSError when it cannot be."""
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", kind.module, str(os.getpid())],
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            start_new_session=True,  # git and ssh stay in it, whoever is their parent by then
        )
        self.started_at = time.monotonic()

    @property
    def pid(self) -> int:
        """Its pid: git and ssh are below it."""
        return self.process.pid

    def kill(self) -> bool:
        """Kill it and all of its session once; tell whether there was anybody.

        Whose parent was killed is below the runner by then, which is a subreaper.
        """
        ours = [each for each in family.below(os.getpid()) if each.sid == self.pid]
        for member in ours:
            family.kill(member)
        return bool(ours)


class Errands:
    """Has at most one process of its kind."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        #: Whether the loop would start one now: whoever would not must not take a turn.
        self.is_free = False
        #: Somebody waits for an errand, and it is our turn.
        self.wanted = threading.Event()
        self._current: ErrandProcess | None = None

    @property
    def processes(self) -> list[ErrandProcess]:
        """Those that are there, or have ended and are not looked after yet."""
        return [self._current] if self._current else []

    def turn(self, now: float, *, is_leaving: bool) -> None:
        """Start one when it is wanted, but none while the runner is leaving."""
        self._look(now)
        if is_leaving:
            self._interrupt()
        elif self.wanted.is_set():
            self.wanted.clear()
            self._begin()
        self.is_free = not is_leaving and self._current is None

    def _begin(self) -> None:
        if self._current is None:
            try:
                self._current = ErrandProcess(self.kind)
            except OSError as error:
                log.error("%s cannot be started: %s", self.kind.module, error)

    def _look(self, now: float) -> None:
        """Note its end; kill it when it takes too long."""
        if self._current is None:
            return
        code = self._current.process.poll()
        if code is not None:
            # By itself it leaves nobody; of one that was killed git would keep the store's lock.
            if code == 0 or not self._current.kill():
                self._current = None
        elif now > self._current.started_at + LIFE:
            name, pid = self.kind.module, self._current.pid
            log.error("%s takes too long, its process %d is killed", name, pid)
            self._current.kill()

    def _interrupt(self) -> None:
        """Ask it to end."""
        if self._current is not None and self._current.process.poll() is None:
            self._current.process.terminate()

    def close(self) -> None:
        """Have it ended."""
        if self._current is None:
            return
        self._interrupt()
        try:
            self._current.process.wait(LAST_BREATH)
        except subprocess.TimeoutExpired:
            self._current.kill()
            self._current.process.wait()
        self._current.kill()
        self._current = None
