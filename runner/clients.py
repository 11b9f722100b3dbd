"""The Redis client that every part uses: it gives up soon and tries again."""

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

CONNECT = 2  # seconds
ANSWER = 4  # seconds; longer than a read of the bell blocks
TRIES = 2


def connect(url: str) -> Redis:
    """A client with bounds: redis-py's own repeats a command ten times."""
    return Redis.from_url(
        url,
        socket_timeout=ANSWER,
        socket_connect_timeout=CONNECT,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), TRIES),
    )
