"""Trigger, stop and look at runs: Postgres first, which decides; then Redis, which hastens."""

import json
import logging
import uuid
from typing import Any, Never

from redis import Redis
from redis.exceptions import RedisError

from runner import bell, hints, keys
from runner.admission import Admitted
from runner.errors import RunnerError
from runner.run import Run, RunState

log = logging.getLogger(__name__)


class WrongWorker(RunnerError):
    """Runs are played by `python -m runner`, not by `rq worker`."""


def play(run_id: int) -> Never:
    """Refuse: RQ's own workers cannot stop ansible's processes (they leave 15 of 16 alive)."""
    raise WrongWorker(f"run {run_id} must be taken by `python -m runner`")


def hand_over(redis: Redis, admitted: Admitted) -> None:
    """Hand a run to the runners that was let in, and is committed; tell who gives it a place.

    Repeating it changes nothing. Redis may be away: the watchdog enqueues what was forgotten. Call
    it without a connection to Postgres in hand: a frozen Redis takes its time.
    """
    run = admitted.run
    log.info("run %d: queued", run.id, extra={"run": run.id, "template": run.template})
    try:
        hints.hand_over(redis, admitted)
    except RedisError as error:
        log.warning("run %d: not enqueued yet, Redis is away: %s", run.id, error)


def ring_stop(redis: Redis, run: Run) -> None:
    """Tell of a stop that was just asked for, and is committed.

    Redis may be away: the runner sweeps the flags of its runs each tick.
    """
    is_forced = run.force_requested_at is not None
    log.info("run %d: stop requested", run.id, extra={"run": run.id, "force": is_forced})
    try:
        if run.state is RunState.STOPPED:
            redis.publish(keys.TAIL, str(run.id))
        else:
            bell.ring(redis, stop=run.id, force=int(is_forced))
    except RedisError as error:
        log.warning("run %d: the bell is not rung, Redis is away: %s", run.id, error)


def look(redis: Redis, run_id: int, timeout: float) -> list[dict[str, Any]] | None:
    """Ask the run's runner for its live family. None if no runner answers in *timeout* seconds."""
    token = uuid.uuid4().hex
    bell.ring(redis, look=run_id, answer=token)
    answer = redis.blpop([keys.look(token)], timeout=timeout)
    return json.loads(answer[1]) if answer else None
