"""What is counted in Redis by the minute. Without Redis there is no limit."""

import logging
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

MINUTE: Final = 60


def count(redis: Redis, key: str, most: int, now: float) -> int | None:
    """Count one more for *key*. The seconds left of this minute when there were *most* before."""
    try:
        with redis.pipeline() as pipe:
            pipe.incr(key)
            pipe.expire(key, 2 * MINUTE)
            counted = int(pipe.execute()[0])
    except RedisError as error:
        log.warning("%s is not counted, Redis is away: %s", key, error)
        return None
    return MINUTE - int(now % MINUTE) if counted > most else None
