"""What streams to somebody ends when his token or session does."""

import logging
from collections.abc import Callable, Iterable, Iterator
from threading import Lock
from typing import Any, Final

from runner.store.connection import AWAY

log = logging.getLogger(__name__)

LOOK: Final = 1.0  # seconds; 500 followers with one token shall not ask 500 times for each line


class Lasting:
    """Who was found to count a moment ago, for all streams of one process."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Moments are those of *clock*, in seconds."""
        self._clock = clock
        self._lock = Lock()
        self._looked: dict[str, tuple[float, bool]] = {}

    def while_it_counts(
        self, key: str, counts: Callable[[], bool], parts: Iterable[Any]
    ) -> Iterator[Any]:
        """Yield *parts* as long as *counts* says so of *key*, asked once a second at most."""
        try:
            for part in parts:
                if not self._still_counts(key, counts):
                    log.info("a stream ends: its token or session does not count any more")
                    return
                yield part
        finally:
            if close := getattr(parts, "close", None):
                close()

    def _still_counts(self, key: str, counts: Callable[[], bool]) -> bool:
        now = self._clock()
        with self._lock:
            looked_at, did = self._looked.get(key, (0.0, True))
            if not did or abs(now - looked_at) < LOOK:
                return did
            self._looked[key] = (now, True)  # the others go on meanwhile
        try:
            still = counts()
        except AWAY as error:
            log.warning("whether a token still counts cannot be asked: %s", error)
            return True  # who follows waits for Postgres, too
        with self._lock:
            self._looked[key] = (now, still)
            if not still:
                self._forget(now)
        return still

    def _forget(self, now: float) -> None:
        """Forget what no stream has asked for lately."""
        for key, (looked_at, _) in list(self._looked.items()):
            if now - looked_at > 60 * LOOK:
                del self._looked[key]
