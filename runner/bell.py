"""The bell: how the web wakes the runners. A stream, since pub/sub loses wishes (4 of 40).

The bell hastens and decides nothing: what it says is also in Postgres.
"""

from collections.abc import Iterator
from typing import Any

from redis import Redis

from runner import keys

BLOCK = 2000  # milliseconds one read waits; below the client's socket timeout of 4 s


def ring(redis: Redis, **wish: str | int) -> None:
    """Tell every runner, e.g. ring(redis, stop=12, force=1). Strangers' runs are ignored there."""
    redis.xadd(keys.BELL, wish, maxlen=keys.BELL_LENGTH, approximate=True)  # type: ignore[arg-type]


def newest(redis: Redis) -> str:
    """The id of the newest wish: where a runner that starts now begins to listen."""
    entries: Any = redis.xrevrange(keys.BELL, count=1)
    return entries[0][0].decode() if entries else "0-0"


def listen(redis: Redis, last: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the wishes behind *last* with their ids, waiting up to BLOCK for the first."""
    streams: Any = redis.xread({keys.BELL: last}, block=BLOCK)
    for _, entries in streams or ():
        for entry, wish in entries:
            yield entry.decode(), {name.decode(): value.decode() for name, value in wish.items()}
