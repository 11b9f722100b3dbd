"""Faults, each done once: seconds until the row tells the truth again, and nothing is left."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

from app.bootstrap import guard
from app.bootstrap.children import Child
from runner.run import Run, Trigger
from runner.store import runs
from runner.wanted import Wanted
from tests.bench.sightings import Watch
from tests.bench.stack import TEMPLATE, Stack
from tests.waiting import wait_until

QUEUED = 10  # runs that wait when Redis is flushed; as many slots as there are
POLL = 0.005  # seconds between two looks at the row
#: Ends when a file is there, so that a run can end by itself while Postgres is away.
WAITING = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: "echo there > {there}; while [ ! -e {file} ]; do sleep 0.05; done"
"""


@contextmanager
def runner(stack: Stack, **settings: str) -> Iterator[Child]:
    """Have a runner; end it if it lives at the end."""
    child = stack.start_runner(**settings)
    yield child
    guard.signal_group(child.member, signal.SIGTERM)  # it may have ended, but nobody has waited
    stack.children.finish(child)


def _playing(stack: Stack) -> Run:
    """Trigger a run, and wait for its task."""
    run_id = stack.trigger_run()
    wait_until(lambda: stack.is_sleeping(run_id), timeout=120, interval=0.05)
    return _find(stack, run_id)


def _find(stack: Stack, run_id: int) -> Run:
    run = runs.find(stack.conn, run_id)
    assert run is not None
    return run


def _until_final(stack: Stack, run_id: int, began: float) -> float:
    wait_until(lambda: stack.is_final(run_id), timeout=90, interval=POLL)
    seconds = time.monotonic() - began
    if left := stack.family(run_id):
        raise RuntimeError(f"run {run_id} is {_find(stack, run_id).state}, but there is {left}")
    return seconds


def kill(stack: Stack, column: str) -> float:
    """Kill the process of a playing run whose pid is in *column*; until its row is final."""
    run = _playing(stack)
    began = time.monotonic()
    os.kill(getattr(run, column), signal.SIGKILL)
    return _until_final(stack, run.id, began)


def end_runner(stack: Stack, number: int) -> float:
    """Send a signal to the only runner; until its run's row is final."""
    with runner(stack) as child:
        run = _playing(stack)
        began = time.monotonic()
        child.process.send_signal(number)
        return _until_final(stack, run.id, began)


def flush_redis(stack: Stack) -> float:
    """Flush with all slots taken and as many runs queued, then free the slots; until all play."""
    busy = [_playing(stack).id for _ in range(QUEUED)]
    queued = [stack.trigger_run() for _ in range(QUEUED)]
    with Redis.from_url(stack.cache.url) as redis:
        redis.flushall()
    began = time.monotonic()
    _force(stack, busy)
    wait_until(lambda: _are_claimed(stack, queued), timeout=90, interval=POLL)
    seconds = time.monotonic() - began
    _clear(stack, queued)
    return seconds


def _force(stack: Stack, run_ids: list[int]) -> None:
    for run_id in run_ids:
        stack.call("POST", f"/runs/{run_id}/stop", {"force": True})


def _clear(stack: Stack, run_ids: list[int]) -> None:
    """End runs, and wait until the slots are free."""
    _force(stack, run_ids)
    wait_until(lambda: all(map(stack.is_final, run_ids)), timeout=60)


def _are_claimed(stack: Stack, run_ids: list[int]) -> bool:
    rows = stack.conn.execute(
        "SELECT id FROM runs WHERE id = ANY(%s) AND claimed_at IS NOT NULL", [run_ids]
    ).fetchall()
    return len(rows) == len(run_ids)


def _until_claimed(stack: Stack, run_id: int, began: float) -> float:
    wait_until(lambda: _are_claimed(stack, [run_id]), timeout=90, interval=POLL)
    seconds = time.monotonic() - began
    _clear(stack, [run_id])
    return seconds


def lose_the_enqueueing(stack: Stack) -> float:
    """Write what a web process leaves that is killed before it has enqueued."""
    spec = stack.call("GET", f"/templates/{TEMPLATE}")["spec"]
    wanted = Wanted(template=TEMPLATE, spec=spec, trigger=Trigger.API, by="bench")
    began = time.monotonic()
    run = runs.insert(stack.conn, wanted)
    assert run is not None
    return _until_claimed(stack, run.id, began)


def restart_redis(stack: Stack) -> float:
    """Trigger a run while Redis is away; from its return until the run is claimed."""
    stack.cache.stop()
    run_id = stack.trigger_run()
    stack.cache.start()
    return _until_claimed(stack, run_id, time.monotonic())


def stop_without_redis(stack: Stack) -> float:
    """Stop a run while Redis is away: no bell is heard; until its family is gone."""
    run = _playing(stack)
    watch = Watch.of(member.pid for member in stack.family(run.id))
    stack.cache.stop()
    began = time.monotonic()
    stack.call("POST", f"/runs/{run.id}/stop", {})
    seconds = watch.await_gone() - began
    stack.cache.start()
    _until_final(stack, run.id, began)
    return seconds


def restart_postgres(stack: Stack) -> float:
    """Let a run end by itself while Postgres is away; from its return until the row is final."""
    there, file = stack.folder / "there", stack.folder / "file"
    for path in (there, file):
        path.unlink(missing_ok=True)
    stack.declare(WAITING.format(there=there, file=file))
    run_id = stack.trigger_run()
    wait_until(there.exists, timeout=60)
    watch = Watch.of(member.pid for member in stack.family(run_id))
    stack.database.stop()
    file.touch()
    watch.await_gone()
    stack.database.start()
    began = time.monotonic()
    stack.reconnect()
    seconds = _until_final(stack, run_id, began)
    state = _find(stack, run_id).state
    if state != "succeeded":
        raise RuntimeError(f"run {run_id} ended well while Postgres was away, and is {state}")
    return seconds


def start_runner(stack: Stack) -> float:
    """No fault: a start, until the runner is there to take runs."""
    began = time.monotonic()
    with runner(stack):
        return time.monotonic() - began


def restart_runner(stack: Stack) -> float:
    """Kill the only runner and start another at once; until its run's row is final."""
    with runner(stack) as first:
        run = _playing(stack)
        began = time.monotonic()
        first.process.kill()
        with runner(stack):
            return _until_final(stack, run.id, began)


def vanish(stack: Stack) -> float:
    """Kill a runner where nobody can look; its keeper ends the family there."""
    with runner(stack, RUNNER_MACHINE="elsewhere") as child:
        run = _playing(stack)
        began = time.monotonic()
        child.process.kill()
        seconds = _until_final(stack, run.id, began)
    state = _find(stack, run.id).state
    if state != "lost":
        raise RuntimeError(f"run {run.id} is {state}, not lost")
    return seconds
