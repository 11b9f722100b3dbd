"""How much is taken of a sender, counted in Redis by the minute. Without Redis all is taken."""

from redis import Redis

from app.counting import MINUTE, count
from runner import keys

MOST_DENIED = 300  # from one address; then they are told to come back later


def seconds_to_wait(redis: Redis, hook: str, most: int, now: float) -> int | None:
    """Count a delivery that is believed. The seconds to wait when there were *most* before it."""
    return count(redis, keys.taken(hook, int(now // MINUTE)), most, now)


def seconds_denied(redis: Redis, address: str, now: float) -> int | None:
    """Count one that is not believed, for its address only: who is believed never waits for it."""
    return count(redis, keys.denied(address, int(now // MINUTE)), MOST_DENIED, now)
