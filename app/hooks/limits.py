"""How much is taken of a sender, counted in Redis by the minute. Without Redis all is taken."""

import logging

from redis import Redis
from redis.exceptions import RedisError

from runner import keys

log = logging.getLogger(__name__)

MINUTE = 60
MOST_DENIED = 300  # from one address; then they are told to come back later


def seconds_to_wait(redis: Redis, hook: str, most: int, now: float) -> int | None:
    """Count a delivery that is believed. The seconds to wait when there were *most* before it."""
    return _count(redis, keys.taken(hook, int(now // MINUTE)), most, now)


def seconds_denied(redis: Redis, address: str, now: float) -> int | None:
    """Count one that is not believed, for its address only: who is believed never waits for it."""
    return _count(redis, keys.denied(address, int(now // MINUTE)), MOST_DENIED, now)


def _count(redis: Redis, key: str, most: int, now: float) -> int | None:
    try:
        with redis.pipeline() as pipe:
            pipe.incr(key)
            pipe.expire(key, 2 * MINUTE)
            count = int(pipe.execute()[0])
    except RedisError as error:
        log.warning("deliveries are not counted, Redis is away: %s", error)
        return None
    return MINUTE - int(now % MINUTE) if count > most else None
