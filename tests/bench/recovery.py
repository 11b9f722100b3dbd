"""From a fault to the moment when the row tells the truth again, beside what bounds it.

The floor is that bound: the tick, the round or the lease after which somebody looks. Every fault
has a formation of its own needs; each repetition begins on an idle one.
"""

import signal
from collections.abc import Callable

from runner.pace import TICK
from runner.policy import FORGOTTEN
from tests.bench import faults
from tests.bench.figures import Figure, times
from tests.bench.size import Size
from tests.bench.stack import open_stack
from tests.playbooks import SLEEPING

LEASE = 6.0  # seconds; the default of 30 would only make the benchmark longer


def measure(size: Size) -> list[Figure]:
    """Do each fault as often as *size* says."""
    figures = []
    for formation in (_on_a_watched_machine, _on_a_lonely_machine, _on_two_machines):
        figures += formation(size.faults)
    return figures


def _figure(what: str, seconds: list[float], bound: float | None) -> Figure:
    return times(what, seconds, [] if bound is None else [bound])


def _repeat(count: int, once: Callable[[], float]) -> list[float]:
    return [once() for _ in range(count)]


# A runner, and a watchdog of its own on the same machine


def _on_a_watched_machine(count: int) -> list[Figure]:
    with open_stack(with_runner=False, RUNNER_SLOTS=str(faults.QUEUED)) as stack:
        stack.start("watchdog")
        stack.declare(SLEEPING)
        with faults.runner(stack):
            leader = _repeat(count, lambda: faults.kill(stack, "leader_pid"))
            keeper = _repeat(count, lambda: faults.kill(stack, "keeper_pid"))
            flushed = _repeat(count, lambda: faults.flush_redis(stack))
            unqueued = _repeat(count, lambda: faults.lose_the_enqueueing(stack))
            away = _repeat(count, lambda: faults.restart_redis(stack))
            bell = _repeat(count, lambda: faults.stop_without_redis(stack))
            database = _repeat(count, lambda: faults.restart_postgres(stack))
        stack.declare(SLEEPING)
        killed = _repeat(count, lambda: faults.end_runner(stack, signal.SIGKILL))
        stopped = _repeat(count, lambda: faults.end_runner(stack, signal.SIGTERM))
        between = stack.settings.round
    # A queued run must be missed in FORGOTTEN rounds, and is not looked at in its first second.
    forgotten = FORGOTTEN * between + 1
    return [
        _figure("leader: kill -9 → row final", leader, None),
        _figure("keeper: kill -9 → row final", keeper, None),
        _figure("runner: kill -9, a watchdog lives → row final", killed, between),
        _figure("runner: SIGTERM, drain 0 → row final", stopped, None),
        _figure(
            f"Redis: FLUSHALL, {faults.QUEUED} queued, as many slots free → all claimed",
            flushed,
            forgotten,
        ),
        _figure("web: killed between INSERT and enqueue → claimed", unqueued, forgotten),
        _figure("Redis: away while triggered, back → claimed", away, forgotten),
        _figure("bell: stop while Redis is away → family gone", bell, TICK),
        _figure("Postgres: a run ended while it was away, back → row final", database, TICK),
    ]


# A runner, and nobody else


def _on_a_lonely_machine(count: int) -> list[Figure]:
    with open_stack(with_runner=False) as stack:
        stack.declare(SLEEPING)
        starts = _repeat(count, lambda: faults.start_runner(stack))
        restarted = _repeat(count, lambda: faults.restart_runner(stack))
    return [
        times("runner: kill -9, started again at once → row final", restarted, starts),
    ]


# A runner elsewhere


def _on_two_machines(count: int) -> list[Figure]:
    with open_stack(with_runner=False, RUNNER_LEASE=str(LEASE)) as stack:
        stack.declare(SLEEPING)
        stack.start("watchdog", RUNNER_MACHINE="here")
        lost = _repeat(count, lambda: faults.vanish(stack))
        bound = stack.settings.lease + stack.settings.round
    what = f"runner on another machine: vanished, RUNNER_LEASE={LEASE:g} → row lost"
    return [_figure(what, lost, bound)]
