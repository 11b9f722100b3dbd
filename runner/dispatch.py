"""The dispatch of notifications: what is due in Postgres is put into RQ's queue, as ids.

A thread of each runner, beside its loop and its watchdog. Postgres is the truth: what Redis has
forgotten, and what a killed sender had in hand, is due again when its lease has run out.
"""

import logging
import threading
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from runner import bell, queue
from runner.store import outbox
from runner.store.connection import AWAY, Line

log = logging.getLogger(__name__)

TICK: Final = 1.0  # seconds between two looks
LEASE: Final = 60  # seconds that what was put into the queue is left to whoever takes it
LIMIT: Final = 50  # seconds that RQ lets one attempt take; its own limits are tighter


class Dispatcher:
    """Hands on what is due."""

    def __init__(self, redis: Redis, line: Line) -> None:
        """Dispatch with a client and a line of its own."""
        self._redis = redis
        self._line = line
        self._is_redis_up = True

    def serve(self, closing: threading.Event) -> None:
        """Look every TICK until *closing* is set."""
        while not closing.is_set():
            try:
                self.dispatch()
            except AWAY as error:
                self._line.lose(error)
            except RedisError as error:
                self._lose_redis(error)
            except Exception:
                log.exception("notifications could not be dispatched")
            closing.wait(TICK)

    def dispatch(self) -> int:
        """Put what is due into the queue, as much as there is room for. How many it was.

        Raise what AWAY names, and RedisError. What was leased by then is due again later.
        """
        room = queue.room_for_notifications(self._redis)
        if not self._is_redis_up:
            self._is_redis_up = True
            log.info("Redis is back, notifications are sent again")
        due = outbox.claim(self._line.conn(), limit=room, lease=LEASE) if room else []
        for notification_id, attempts in due:
            queue.enqueue_notification(
                self._redis, notification_id, attempts, ttl=LEASE, timeout=LIMIT
            )
        if due:
            bell.ring(self._redis, errand=due[0].id)
        return len(due)

    def _lose_redis(self, error: RedisError) -> None:
        if self._is_redis_up:
            log.warning("Redis is away, notifications wait: %s", error)
        self._is_redis_up = False
