"""What Redis is told so that others hear of a run sooner; nothing is lost while it is away."""

import logging
from typing import TypedDict

from redis import Redis
from redis.exceptions import RedisError

from runner import bell, keys, queue
from runner.admission import Admitted
from runner.run import Run, RunState


class Place(TypedDict):
    """Which queue a run is put into."""

    name: str
    rank: int


log = logging.getLogger(__name__)


def tell(redis: Redis, run: Run) -> None:
    """Let those look who follow a run that has moved, and those take it who may."""
    try:
        if run.state is RunState.QUEUED:
            enqueue(redis, run)
        redis.publish(keys.TAIL, str(run.id))
    except RedisError as error:
        log.warning("run %d: Redis is away, others hear of it later: %s", run.id, error)


def enqueue(redis: Redis, run: Run) -> None:
    """Put a run into the queue again and wake who may take it. Raise RedisError."""
    queue.enqueue_again(redis, run.id, timeout=run.spec["timeout"], **_place(run))
    bell.ring(redis, start=run.id)


def hand_over(redis: Redis, admitted: Admitted) -> None:
    """Tell of a run that was let in, and of those that give it their place. Raise RedisError."""
    for run in admitted.superseded:
        redis.publish(keys.TAIL, str(run.id))
    for run in admitted.replaced:
        bell.ring(redis, stop=run.id, force=0)
    if admitted.run.may_be_taken:
        enqueue_once(redis, admitted.run)


def enqueue_once(redis: Redis, run: Run) -> None:
    """Put a run into the queue unless it is there, and wake who may take it. Raise RedisError."""
    queue.enqueue(redis, run.id, timeout=run.spec["timeout"], **_place(run))
    bell.ring(redis, start=run.id)


def _place(run: Run) -> Place:
    return {"name": run.queue, "rank": run.priority}
