"""Servers that go away and come back, for scenarios; their times are told in leases."""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runner import queue
from runner.run import Run, RunState
from tests.faults.container import LEASE, Runner
from tests.faults.world import World
from tests.waiting import wait_until


def let_pass(leases: float) -> None:
    """Let time pass while nobody can be asked whether something has happened."""
    until = time.monotonic() + leases * LEASE
    wait_until(lambda: time.monotonic() > until, timeout=leases * LEASE + 10)


@contextmanager
def away(world: World, *, database: bool = False) -> Iterator[None]:
    """Take Valkey from all, or Postgres, and bring it back."""
    world.close()
    server = world.database if database else world.cache
    server.stop()
    try:
        yield
    finally:
        server.start()


def restart_empty(world: World) -> None:
    """Restart Valkey as one that keeps nothing."""
    with world.redis() as redis:
        folder = Path(redis.config_get("dir")["dir"])
    with away(world):
        shutil.rmtree(folder / "appendonlydir")


def waiting(world: World) -> set[int]:
    """The runs in RQ's queue."""
    with world.redis() as redis:
        return queue.waiting(redis)


def holder_and_other(world: World, run: Run) -> tuple[Runner, Runner]:
    """The runner that holds *run*, and the one that does not."""
    return (world.one, world.two) if run.machine == world.one.machine else (world.two, world.one)


def stay_single(world: World, runs: Iterable[Run]) -> None:
    """Wait for the success of each, by a single execution."""
    for run in runs:
        final = world.await_final(run, timeout=90)
        assert final.state is RunState.SUCCEEDED, final.message
        assert len(world.executions(run)) == 1
