"""What is seen from outside: when files are opened, when processes are gone, what they weigh."""

import ctypes
import os
import select
import struct
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Self

IN_OPEN = 0x20  # <sys/inotify.h>
EVENT = struct.Struct("iIII")  # wd, mask, cookie, length of a name: 0 for a watched file
KB = 1024

_libc = ctypes.CDLL(None, use_errno=True)


class Openings(threading.Thread):
    """Notes when files are opened first. An execve opens its file: nothing else tells its time."""

    def __init__(self, *files: Path) -> None:
        super().__init__(name="openings", daemon=True)
        self._inotify = _checked(_libc.inotify_init1(os.O_CLOEXEC))
        self._files = {
            _checked(_libc.inotify_add_watch(self._inotify, os.fsencode(file), IN_OPEN)): file
            for file in files
        }
        #: The monotonic time of each file's first opening since the last `forget`.
        self.first: dict[Path, float] = {}

    def run(self) -> None:
        """Note until the process ends."""
        while True:
            events = os.read(self._inotify, KB * EVENT.size)
            now = time.monotonic()
            for watch, *_ in EVENT.iter_unpack(events):
                self.first.setdefault(self._files[watch], now)

    def forget(self) -> None:
        """Begin anew."""
        self.first.clear()


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    return result


class Watch(threading.Thread):
    """Notes when each of some processes is dead; a zombie is."""

    def __init__(self, pids: Iterable[int]) -> None:
        super().__init__(name="watch", daemon=True)
        self._pidfds = [os.pidfd_open(pid) for pid in pids]
        self._deaths: list[float] = []
        self.count = len(self._pidfds)

    @classmethod
    def of(cls, pids: Iterable[int]) -> Self:
        """Begin to watch: what is opened now cannot be taken for another process later."""
        watch = cls(pids)
        watch.start()
        return watch

    def run(self) -> None:
        """Wait for all of them."""
        poll = select.poll()
        for pidfd in self._pidfds:
            poll.register(pidfd, select.POLLIN)
        while len(self._deaths) < self.count:
            dead = poll.poll()
            now = time.monotonic()
            for pidfd, _ in dead:
                poll.unregister(pidfd)
                os.close(pidfd)
                self._deaths.append(now)

    @property
    def gone_at(self) -> float | None:
        """When the last one died, on the monotonic clock. None while one lives."""
        return max(self._deaths, default=0.0) if len(self._deaths) == self.count else None

    def alive_at(self, moment: float) -> int:
        """How many were alive at a moment that has passed."""
        return self.count - sum(death <= moment for death in self._deaths)

    def await_gone(self, timeout: float = 60.0) -> float:
        """Wait for the last one's death; give its time."""
        self.join(timeout)
        if self.gone_at is None:
            raise RuntimeError(f"still alive after {timeout:g} s")
        return self.gone_at


class Weight(NamedTuple):
    """Memory in MB."""

    #: Pages that processes share are shared out among them.
    pss: float
    rss: float


def weigh(pids: Iterable[int]) -> Weight:
    """Sum up what processes hold."""
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() for pid in pids]
    return Weight(*(_sum(rollups, name) for name in ("Pss:", "Rss:")))


def _sum(rollups: list[list[str]], name: str) -> float:
    lines = (line.split() for rollup in rollups for line in rollup)
    return sum(int(words[1]) for words in lines if words[0] == name) / KB
