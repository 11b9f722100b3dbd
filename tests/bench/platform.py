"""From a stop by any web to the end of a run on any runner, each in a sandbox of its own.

As on Heroku: Redis behind TLS, Postgres by TCP, three webs, three runners without cgroups. One stop
after the other, each by the next pair of web and runner; families are seen from outside, by pidfds
that were opened before. Then two runners are scaled away while runs play on them.
"""

import itertools
import math
import time
from collections import defaultdict
from contextlib import closing

from app.bootstrap import terminal
from runner.run import Run, RunState
from tests.bench.figures import Figure, times
from tests.bench.sightings import Watch
from tests.bench.size import Size
from tests.sandboxes.isolation import Forbidden, isolation
from tests.sandboxes.platform import Platform, Visitor, open_platform
from tests.sandboxes.service import Service
from tests.servers import own_servers
from tests.waiting import wait_until

COUNT = 3  # webs, and runners
POLL = 0.001  # seconds between two looks at the row


def measure(size: Size) -> list[Figure]:
    """Stop a run by each web on each runner, as often as it takes; scale two runners away."""
    try:
        isolation()
    except Forbidden as why:
        terminal.say(f"platform: {why}")
        return []
    with (
        own_servers() as (database, cache),
        open_platform(database.url, cache.url, RUNNER_DRAIN="0") as platform,
    ):
        _release(platform)
        with closing(Service(platform, database.url)) as service:
            return _measure(service, math.ceil(size.stops / COUNT**2))


def _release(platform: Platform) -> None:
    if platform.release() != 0:
        raise RuntimeError(f"the release has failed:\n{platform.logs()}")


def _measure(service: Service, rounds: int) -> list[Figure]:
    platform = service.platform
    platform.scale("web", COUNT)
    platform.scale("runner", COUNT, RUNNER_SLOTS=str(COUNT))
    webs = [platform.await_web(f"web.{number}") for number in range(1, COUNT + 1)]
    service.declare(webs[0])
    stops = [each for _ in range(rounds) for each in _round(service, webs)]
    accepted, gone, final = zip(*stops, strict=True)
    return [
        times("platform: stop by any web → 202", accepted),
        times("platform: stop → family gone on any runner", gone),
        times("platform: stop → row final", final),
        times("platform: runner scaled away → exit", _scale_down(service, webs[0])),
    ]


def _start(service: Service, web: Visitor, count: int) -> list[Run]:
    started = [service.trigger(web) for _ in range(count)]
    service.await_playing(*started)
    return started


def _round(service: Service, webs: list[Visitor]) -> list[tuple[float, float, float]]:
    """Stop one run for each pair of a web and a runner."""
    held = defaultdict(list)
    for run in _start(service, webs[0], COUNT**2):
        held[service.sandbox_of(run)].append(run)
    pairs = [pair for runs in held.values() for pair in zip(itertools.cycle(webs), runs)]
    return [_stop(service, web, run) for web, run in pairs]


def _stop(service: Service, web: Visitor, run: Run) -> tuple[float, float, float]:
    """Tell the seconds from the request until its answer, until nobody lived, and to the row."""
    watch = Watch.of(member.pid for member in service.family(run))
    began = time.monotonic()
    service.stop(web, run)
    accepted = time.monotonic()
    wait_until(lambda: service.find(run).is_final, timeout=60, interval=POLL)
    final = time.monotonic()
    gone = watch.await_gone()
    state = service.find(run).state
    if state is not RunState.STOPPED or service.family(run):
        raise RuntimeError(f"run {run.id} is {state}, and there is {service.family(run)}")
    return accepted - began, gone - began, final - began


def _scale_down(service: Service, web: Visitor) -> list[float]:
    """Have one runner instead of all, while each plays; tell what the others took to leave."""
    _start(service, web, COUNT)
    began = time.monotonic()
    codes = service.platform.scale("runner", 1)
    took = time.monotonic() - began
    if any(codes.values()) or len(codes) != COUNT - 1:
        raise RuntimeError(f"runners that were scaled away: {codes}\n{service.platform.logs()}")
    return [took]
