"""Looks at runs that many followers share: 500 of them ask Postgres as often as one does."""

import time
from collections.abc import Callable, Hashable
from threading import Event, Lock
from typing import Generic, TypeVar

T = TypeVar("T")

GOOD_FOR = 0.9  # seconds: less than Followers.POLL. A wake of the run makes new looks at once
ANSWER = 15.0  # seconds to wait for somebody else's look; Postgres has answered or failed by then


class _Look(Generic[T]):
    """One look, under way or done."""

    def __init__(self) -> None:
        self.began_at = time.monotonic()
        self.done = Event()
        self.seen: T | None = None


class Looks(Generic[T]):
    """Whoever comes first looks, the others wait for what he sees."""

    def __init__(self) -> None:
        """Nobody has looked."""
        self._lock = Lock()
        self._looks: dict[Hashable, _Look[T]] = {}

    def at(self, place: Hashable, look: Callable[[], T | None]) -> T | None:
        """What *look* sees, or has just seen for another at the same *place*; None for nothing."""
        with self._lock:
            shared = self._looks.get(place)
            is_first = shared is None or shared.began_at < time.monotonic() - GOOD_FOR
            if is_first:
                self._forget_old()
                self._looks[place] = shared = _Look()
        assert shared is not None
        if not is_first:
            shared.done.wait(ANSWER)
            return shared.seen
        try:
            shared.seen = look()
        finally:
            shared.done.set()
        return shared.seen

    def _forget_old(self) -> None:
        old = time.monotonic() - GOOD_FOR
        for place in [place for place, look in self._looks.items() if look.began_at < old]:
            del self._looks[place]
