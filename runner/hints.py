"""What Redis is told so that others hear of a run sooner; nothing is lost while it is away."""

import logging

from redis import Redis
from redis.exceptions import RedisError

from runner import bell, keys, queue
from runner.run import Run, RunState

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
    queue.enqueue_again(redis, run.id, timeout=run.spec["timeout"])
    bell.ring(redis, start=run.id)
