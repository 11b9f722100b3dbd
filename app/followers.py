"""Those who follow a run or wait for its end: how many there may be, and what wakes them."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import BoundedSemaphore, Event, Lock, Thread

from redis import Redis
from redis.exceptions import RedisError

from app.problems import unavailable
from runner import keys

log = logging.getLogger(__name__)

POLL = 1.0  # seconds until a follower looks by itself: Redis may be away, pub/sub loses messages
ANSWER = 5.0  # seconds for an answer of Redis


class Followers:
    """One listener for all followers of this process; it holds one connection to Redis."""

    def __init__(self, redis_url: str, places: int) -> None:
        """Let at most *places* requests follow or wait at once."""
        #: Whether this process is told to end; gunicorn's hook replaces it.
        self.is_closing: Callable[[], bool] = lambda: False
        self._redis_url = redis_url
        self._places = BoundedSemaphore(places)
        self._lock = Lock()
        self._waiting: dict[int, set[Event]] = {}
        #: The last wake of each run that is followed, or when the first follower came.
        self._moments: dict[int, int] = {}
        self._numbers = count(1)
        self._listener: Thread | None = None
        self._closed = Event()

    def enter(self) -> None:
        """Take a place. Raise a 503 problem when all are taken."""
        if not self._places.acquire(blocking=False):
            raise unavailable("too many requests follow or wait already")

    def leave(self) -> None:
        """Give the place back."""
        self._places.release()

    @contextmanager
    def place_if_free(self) -> Iterator[bool]:
        """Hold a place, if there is one; tell whether there is."""
        is_free = self._places.acquire(blocking=False)
        try:
            yield is_free
        finally:
            if is_free:
                self.leave()

    def wakes(self, run_id: int, seconds: float = float("inf")) -> Iterator[None]:
        """Yield at once, then whenever the run may have moved on, until *seconds* have passed."""
        deadline = time.monotonic() + seconds
        wake = Event()
        self._join(run_id, wake)
        try:
            yield
            while (left := deadline - time.monotonic()) > 0 and not self.is_over():
                wake.wait(min(POLL, left))
                wake.clear()
                yield
        finally:
            self._part(run_id, wake)

    def moment(self, run_id: int) -> int:
        """The number of the run's last wake: what was seen before it is old."""
        with self._lock:
            return self._moments.get(run_id, 0)

    def count(self) -> int:
        """How many follow or wait now."""
        with self._lock:
            return sum(len(wakes) for wakes in self._waiting.values())

    def is_over(self) -> bool:
        """Whether nobody shall be kept any longer."""
        return self._closed.is_set() or self.is_closing()

    def close(self) -> None:
        """End the listener and everybody's waiting."""
        self._closed.set()
        self._wake_all()
        if self._listener:
            self._listener.join()

    def _join(self, run_id: int, wake: Event) -> None:
        with self._lock:
            self._waiting.setdefault(run_id, set()).add(wake)
            self._moments.setdefault(run_id, next(self._numbers))
            if self._listener is None:
                self._listener = Thread(target=self._listen, name="followers", daemon=True)
                self._listener.start()

    def _part(self, run_id: int, wake: Event) -> None:
        with self._lock:
            self._waiting[run_id].discard(wake)
            if not self._waiting[run_id]:
                del self._waiting[run_id]
                self._moments.pop(run_id, None)

    def _wake(self, run_id: int) -> None:
        with self._lock:
            if run_id in self._waiting:
                self._moments[run_id] = next(self._numbers)
            for wake in self._waiting.get(run_id, ()):
                wake.set()

    def _wake_all(self) -> None:
        with self._lock:
            for wakes in self._waiting.values():
                for wake in wakes:
                    wake.set()

    def _listen(self) -> None:
        is_away = False
        while not self._closed.is_set():
            try:
                self._hear(is_back=is_away)
                is_away = False
            except RedisError as error:
                if not is_away:
                    log.warning("Redis is away, followers look each %g s: %s", POLL, error)
                is_away = True
                self._closed.wait(POLL)

    def _hear(self, *, is_back: bool) -> None:
        with (
            Redis.from_url(self._redis_url, socket_timeout=ANSWER) as redis,
            redis.pubsub(ignore_subscribe_messages=True) as pubsub,
        ):
            pubsub.subscribe(keys.TAIL)
            if is_back:
                log.info("Redis is back")
            while not self._closed.is_set():
                message = pubsub.get_message(timeout=0.5)
                if message and message["data"].isdigit():
                    self._wake(int(message["data"]))
