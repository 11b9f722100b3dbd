"""How often an address may be wrong about who it is.

Tokens of ours cannot be guessed (214 bits): one is always looked at, whatever else comes from its
address. The token of the settings is somebody's choice. So of an address that was wrong too often
in this minute nothing that could only be that one is compared: a right guess is answered as a wrong
one is. But many people share an address, behind NAT or a platform's router, and one of them must
not lock the others out: where the token of the settings was right in the last day it is compared
all the same. Who shares an address with an administrator can guess there for longer; each wrong try
is still counted, and refused with 429.

Failures are counted in Redis, for all processes; without it nobody is kept out. Who is right costs
no question: each process remembers by itself which addresses must wait.
"""

from collections.abc import Callable
from threading import Lock
from typing import Final

from redis import Redis

from app.counting import MINUTE, count
from runner import keys

MOST: Final = 30  # failures of one address in a minute
TRUSTED: Final = 86_400.0  # seconds
MOST_REMEMBERED: Final = 10_000  # addresses of each kind


class Failures:
    """Who was wrong, and who was right."""

    def __init__(self, redis: Redis, clock: Callable[[], float]) -> None:
        """Count in *redis*; minutes are those of *clock*, in seconds since 1970."""
        self._redis = redis
        self._clock = clock
        self._lock = Lock()
        #: When each address may try again.
        self._waiting: dict[str, float] = {}
        #: Until when each address is trusted.
        self._trusted: dict[str, float] = {}

    def seconds_to_wait(self, address: str) -> int | None:
        """The seconds until what *address* says is looked at; None: now."""
        now = self._clock()
        with self._lock:
            if self._trusted.get(address, 0.0) > now:
                return None
            until = self._waiting.get(address, 0.0)
        return max(1, round(until - now)) if until > now else None

    def add(self, address: str) -> int | None:
        """Count one. The seconds to wait if it was one too many."""
        now = self._clock()
        wait = count(self._redis, keys.mistaken(address, int(now // MINUTE)), MOST, now)
        if wait is not None:
            self._remember(self._waiting, address, now + wait)
        return wait

    def trust(self, address: str) -> None:
        """Remember that the token of the settings was right from there."""
        self._remember(self._trusted, address, self._clock() + TRUSTED)

    def _remember(self, known: dict[str, float], address: str, until: float) -> None:
        with self._lock:
            known.pop(address, None)
            known[address] = until
            if len(known) > MOST_REMEMBERED:
                del known[next(iter(known))]  # who came first
