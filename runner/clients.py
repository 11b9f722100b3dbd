"""The Redis client that every part uses: it gives up soon and tries again."""

import ssl

from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
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


def is_distrust(error: RedisError) -> bool:
    """Whether Redis was there, and its certificate not believed."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def explain(error: RedisError) -> str:
    """Say why Redis could not be reached, and by which setting it can."""
    if is_distrust(error):
        return f"{error} To believe it nevertheless, as Heroku's must be, set REDIS_TLS_VERIFY=0."
    return str(error)
