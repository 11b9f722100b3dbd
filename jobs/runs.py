"""Trigger, stop and look at runs: Postgres first, which decides; then Redis, which hastens."""

import json
import logging
import uuid
from typing import Any, Never

from redis import Redis
from redis.exceptions import RedisError

from runner import bell, keys, queue
from runner.errors import RunnerError
from runner.run import Run, RunState, Wanted
from runner.store import runs, stops
from runner.store.connection import Connection

log = logging.getLogger(__name__)


class WrongWorker(RunnerError):
    """Runs are played by `python -m runner`, not by `rq worker`."""


def play(run_id: int) -> Never:
    """Refuse: RQ's own workers cannot stop ansible's processes (they leave 15 of 16 alive)."""
    raise WrongWorker(f"run {run_id} must be taken by `python -m runner`")


def trigger(conn: Connection, redis: Redis, wanted: Wanted) -> Run | None:
    """Commit a queued run, then enqueue its id. None when the idempotency key was used before.

    Redis may be away: the watchdog enqueues what was forgotten.
    """
    run = runs.insert(conn, wanted)
    if run is not None:
        log.info(
            "run %d: queued",
            run.id,
            extra={"run": run.id, "template": run.template, "by": run.triggered_by},
        )
        try:
            queue.enqueue(redis, run.id, timeout=run.spec["timeout"])
            bell.ring(redis, start=run.id)
        except RedisError as error:
            log.warning("run %d: not enqueued yet, Redis is away: %s", run.id, error)
    return run


def request_stop(
    conn: Connection, redis: Redis, run_id: int, *, by: str, reason: str | None, force: bool
) -> Run | None:
    """Ask for a stop, then ring. None if that changed nothing: final, unknown or asked before.

    Redis may be away: the runner sweeps the flags of its runs each tick.
    """
    run = stops.request_stop(conn, run_id, by=by, reason=reason, force=force)
    if run is None:
        return None
    log.info("run %d: stop requested", run.id, extra={"run": run.id, "by": by, "force": force})
    try:
        if run.state is RunState.STOPPED:
            redis.publish(keys.TAIL, run.id)
        else:
            bell.ring(redis, stop=run.id, force=int(force))
    except RedisError as error:
        log.warning("run %d: the bell is not rung, Redis is away: %s", run.id, error)
    return run


def look(redis: Redis, run_id: int, timeout: float) -> list[dict[str, Any]] | None:
    """Ask the run's runner for its live family. None if no runner answers in *timeout* seconds."""
    token = uuid.uuid4().hex
    bell.ring(redis, look=run_id, answer=token)
    answer = redis.blpop([keys.look(token)], timeout=timeout)
    return json.loads(answer[1]) if answer else None
