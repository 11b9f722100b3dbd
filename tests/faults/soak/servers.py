"""Faults of Redis and Postgres, and of the network before them."""

from collections.abc import Callable, Iterator
from random import Random

from tests.faults.container import Container
from tests.faults.outages import away, restart_empty
from tests.faults.soak.kinds import LOST, OUTAGE, fault, up
from tests.faults.world import World
from tests.proxy import Proxy

# Redis


@fault("redis")
def redis_flushed(world: World, random: Random) -> Iterator[None]:
    """Queue, bell and registry are empty at once."""
    with world.redis() as redis:
        redis.flushall()
    yield


@fault("redis", OUTAGE)
def redis_restarted(world: World, random: Random) -> Iterator[None]:
    """It comes back with what it has written down."""
    with away(world):
        yield


@fault("redis")
def redis_restarted_empty(world: World, random: Random) -> Iterator[None]:
    """It comes back with nothing."""
    restart_empty(world)
    yield


@fault("redis", OUTAGE)
def redis_cut_off(world: World, random: Random) -> Iterator[None]:
    """Connections end, and nobody listens."""
    yield from _at(_redis_of(world.containers), Proxy.cut)


@fault("redis", OUTAGE)
def redis_silent(world: World, random: Random) -> Iterator[None]:
    """Connections stand, and nothing passes."""
    yield from _at(_redis_of(world.containers), Proxy.black_hole)


@fault("redis", OUTAGE)
def redis_silent_for_one(world: World, random: Random) -> Iterator[None]:
    """The others have it."""
    yield from _at(_redis_of([random.choice(up(world))]), Proxy.black_hole)


@fault("redis", OUTAGE)
def redis_slow(world: World, random: Random) -> Iterator[None]:
    """Each piece comes later."""
    seconds = random.uniform(0.05, 0.3)
    yield from _at(_redis_of(world.containers), lambda proxy: proxy.delay(seconds))


# Postgres


@fault("postgres", OUTAGE)
def postgres_restarted(world: World, random: Random) -> Iterator[None]:
    """It ends what it was asked and forgets no row."""
    with away(world, database=True):
        yield


@fault("postgres")
def postgres_connections_killed(world: World, random: Random) -> Iterator[None]:
    """Every backend, with what it was about to do."""
    world.drop_connections()
    yield


@fault("postgres", OUTAGE)
def postgres_cut_off(world: World, random: Random) -> Iterator[None]:
    """For everybody: all leases run out, and nobody has died."""
    yield from _at(_postgres_of(world.containers), Proxy.cut)


@fault("postgres", OUTAGE)
def postgres_silent(world: World, random: Random) -> Iterator[None]:
    """Connections stand, and nothing passes until it is over."""
    yield from _at(_postgres_of(world.containers), Proxy.black_hole)


@fault("postgres", OUTAGE, LOST)
def postgres_cut_off_for_one(world: World, random: Random) -> Iterator[None]:
    """If that is a runner, the others may not know of it."""
    yield from _at(_postgres_of([random.choice(up(world))]), Proxy.cut)


@fault("postgres", OUTAGE, LOST)
def postgres_silent_for_one(world: World, random: Random) -> Iterator[None]:
    """What it was about to write arrives afterwards."""
    yield from _at(_postgres_of([random.choice(up(world))]), Proxy.black_hole)


@fault("postgres", OUTAGE)
def postgres_slow(world: World, random: Random) -> Iterator[None]:
    """Each piece comes later, there and back."""
    seconds = random.uniform(0.005, 0.02)
    yield from _at(_postgres_of(world.containers), lambda proxy: proxy.delay(seconds))


def _at(proxies: list[Proxy], trouble: Callable[[Proxy], None]) -> Iterator[None]:
    for proxy in proxies:
        trouble(proxy)
    yield
    for proxy in proxies:
        proxy.restore()


def _redis_of(containers: list[Container]) -> list[Proxy]:
    return [container.redis for container in containers]


def _postgres_of(containers: list[Container]) -> list[Proxy]:
    return [container.postgres for container in containers]
