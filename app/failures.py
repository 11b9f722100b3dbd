"""How often an address may be wrong about who it is.

Tokens of ours cannot be guessed (214 bits): one is always looked at, whatever else comes from its
address. The token of the settings is somebody's choice. So of an address that was wrong too often
in this minute nothing that could only be that one is compared: a right guess is answered as a wrong
one is. But many people share an address, behind NAT or a platform's router, and one of them must
not lock the others out: where the token of the settings was right in the last day it is compared
all the same. Who shares an address with an administrator can guess there for longer; each wrong try
is still counted, and refused with 429.

Failures are counted in Redis, for all processes; without it nobody is kept out. Who is right costs
no question: each process remembers by itself which addresses must wait. Which are trusted is known
to all: a process that has just begun would else refuse whoever shares an address with a stranger.
"""

import logging
from collections.abc import Callable
from threading import Lock
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from app.counting import MINUTE, count
from runner import keys

log = logging.getLogger(__name__)

MOST: Final = 30  # failures of one address in a minute
TRUSTED: Final = 86_400.0  # seconds
TOLD: Final = 3_600.0  # seconds until the others are told once more
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
        if until <= now or self._is_trusted_elsewhere(address):
            return None
        return max(1, round(until - now))

    def add(self, address: str) -> int | None:
        """Count one. The seconds to wait if it was one too many."""
        now = self._clock()
        wait = count(self._redis, keys.mistaken(address, int(now // MINUTE)), MOST, now)
        if wait is not None:
            self._remember(self._waiting, address, now + wait)
        return wait

    def trust(self, address: str) -> None:
        """Remember that the token of the settings was right from there, and tell the others."""
        now = self._clock()
        with self._lock:
            is_told = self._trusted.get(address, 0.0) > now + TRUSTED - TOLD
        if is_told:
            return
        self._remember(self._trusted, address, now + TRUSTED)
        try:
            self._redis.set(keys.trusted(address), now + TRUSTED, ex=int(TRUSTED))
        except RedisError as error:
            log.warning("that %s is trusted is not told, Redis is away: %s", address, error)

    def _is_trusted_elsewhere(self, address: str) -> bool:
        try:
            until = float(self._redis.get(keys.trusted(address)) or 0.0)
        except RedisError:
            return True  # nobody is kept out without it
        if until <= self._clock():
            return False
        self._remember(self._trusted, address, until)
        return True

    def _remember(self, known: dict[str, float], address: str, until: float) -> None:
        with self._lock:
            known.pop(address, None)
            known[address] = until
            if len(known) > MOST_REMEMBERED:
                del known[next(iter(known))]  # who came first
