"""From a stop to an empty family and to the final row, each run stopped alone.

The runs of a batch are started together, because starts take long, and sleep when the first of
them is stopped. A family is seen from outside: pidfds of all its members, opened before the stop.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

from app.bootstrap.children import Child
from runner import linux
from tests.bench.caller import Caller
from tests.bench.figures import Aim, Figure, Spread, times
from tests.bench.sightings import Watch
from tests.bench.size import Size
from tests.bench.stack import SLEEP, Stack, open_stack, read
from tests.playbooks import SLEEPING
from tests.waiting import wait_until

BATCH = 3  # runs to be stopped, as many to be forced, and as many bare commands
POLL = 0.001  # seconds between two looks at the row


@dataclass(frozen=True)
class Stop:
    """Seconds from the first byte of the request, or from the signal."""

    accepted: float
    empty: float
    final: float
    #: Processes that were alive before.
    count: int


def measure(size: Size) -> list[Figure]:
    """Stop runs gracefully and by force, and bare commands, in turns."""
    graceful, forced, asked, killed = [], [], [], []
    with open_stack() as stack:
        project = stack.declare(SLEEPING)
        for count in _batches(size.stops):
            bare = [stack.start_ansible(project) for _ in range(count)]
            runs = [stack.trigger_run() for _ in range(2 * count)]
            wait_until(lambda: all(map(stack.is_sleeping, runs)), timeout=60)  # noqa: B023 - called here
            wait_until(lambda: all(map(_is_sleeping, bare)), timeout=60)  # noqa: B023 - called here
            for one, other, child in zip(runs[::2], runs[1::2], bare, strict=True):
                graceful.append(stop(stack, one, force=False))
                asked.append(_interrupt(stack, child))
                forced.append(stop(stack, other, force=True))
                killed.append(_kill_sleeps(stack, forced[-1].count))
    return [
        *_figures("stop", graceful, asked, Aim("added", 30), Aim("added", 30)),
        *_figures("force", forced, killed, None, Aim("p99", 100)),
    ]


def _batches(stops: int) -> Iterator[int]:
    for done in range(0, stops, BATCH):
        yield min(BATCH, stops - done)


def _is_sleeping(child: Child) -> bool:
    return _sleeps_below(child.process.pid) > 0


def stop(stack: Stack, run_id: int, *, force: bool) -> Stop:
    """Stop a run over the API. Raise RuntimeError when anything of it is left."""
    watch = Watch.of(member.pid for member in stack.family(run_id))
    with Caller(stack.port) as caller:
        answer = caller.send(stack.request("POST", f"/runs/{run_id}/stop", {"force": force}))
    read(answer)
    wait_until(lambda: stack.is_final(run_id), timeout=60, interval=POLL)
    final_at = time.monotonic()
    empty_at = watch.await_gone()
    _check(stack, run_id)
    began = answer.began
    return Stop(answer.seconds, empty_at - began, final_at - began, watch.count)


def _check(stack: Stack, run_id: int) -> None:
    state = stack.call("GET", f"/runs/{run_id}")["state"]
    if left := stack.family(run_id):
        raise RuntimeError(f"run {run_id} is {state}, but there is {left}")
    if state != "stopped":
        raise RuntimeError(f"run {run_id} is {state}, not stopped")
    wait_until(lambda: not list((stack.folder / "data" / "runs").glob(f"{run_id}-*")))


def _interrupt(stack: Stack, child: Child) -> float:
    """Press Ctrl-C on a bare ansible-playbook; tell the seconds until its family is gone."""
    pid = child.process.pid
    watch = Watch.of([pid, *linux.descendants(pid)])
    began = time.monotonic()
    child.process.send_signal(signal.SIGINT)
    gone_at = watch.await_gone()
    stack.children.finish(child)
    return gone_at - began


def _sleeps_below(pid: int) -> int:
    return sum(linux.command(below) == SLEEP for below in linux.descendants(pid))


def _kill_sleeps(stack: Stack, count: int) -> float:
    """Kill a group of as many sleeping processes; tell the seconds until they are gone."""
    sleeps = f"for _ in {' '.join(['x'] * (count - 1))}; do {SLEEP} & done; wait"
    child = stack.children.start("app", ["/bin/sh", "-c", sleeps], output=subprocess.DEVNULL)
    pid = child.process.pid
    wait_until(lambda: _sleeps_below(pid) == count - 1)
    watch = Watch.of([pid, *linux.descendants(pid)])
    began = time.monotonic()
    os.killpg(pid, signal.SIGKILL)  # a child of ours, not waited for: the number is its own
    gone_at = watch.await_gone()
    stack.children.finish(child)
    return gone_at - began


def _figures(
    what: str, stops: list[Stop], floor: list[float], empty: Aim | None, final: Aim | None
) -> list[Figure]:
    family = Spread.of([stop.count for stop in stops]).p50
    return [
        times(f"{what} → 202", [stop.accepted for stop in stops]),
        times(f"{what} → family of {family} gone", [stop.empty for stop in stops], floor, empty),
        times(f"{what} → row final", [stop.final for stop in stops], floor, final),
    ]
