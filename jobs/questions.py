"""What web asks the runners about repositories, since it has neither Git nor its network."""

import math
from typing import Any, Final

from redis import Redis
from rq.exceptions import DuplicateJobError
from rq.job import Job
from rq.results import Result
from rq.utils import now as utc_now

from runner import bell
from runner.errors import RunnerError
from runner.queue import queue_of_errands

LOOK: Final = "jobs.previews.look"
LIMIT: Final = 50  # seconds that a look may take; what is known by then is the answer
QUEUED: Final = 60  # seconds until nobody waits for it any more
KEPT: Final = 10  # seconds in which the same question has the same answer
ABANDONED: Final = QUEUED + LIMIT + 30  # seconds after which nobody can be at it
SLICE: Final = 2  # seconds of one wait for Redis; below the socket's time-out


class LookFailed(RunnerError):
    """A runner has tried to look at the repositories and failed: its log tells why."""


def ask(redis: Redis, run_id: int) -> Job:
    """Ask the runners to look, or find that they have been asked just now."""
    job = _enqueue(redis, run_id) or _enqueue(redis, run_id)
    if job is None:
        raise LookFailed
    bell.ring(redis, errand=run_id)
    return job


def _enqueue(redis: Redis, run_id: int) -> Job | None:
    """The job that looks. None when there was one that will not answer: it is removed."""
    queue, job_id = queue_of_errands(redis), f"preview-{run_id}"
    try:
        return queue.enqueue_call(
            LOOK,
            args=(run_id,),
            job_id=job_id,
            timeout=LIMIT,
            ttl=QUEUED,
            result_ttl=KEPT,
            failure_ttl=KEPT,
            description=f"preview of a rerun of run {run_id}",
            unique=True,
        )
    except DuplicateJobError:
        job = queue.fetch_job(job_id)
    if job is not None and (job.is_failed or _is_abandoned(job)):
        job.delete()
        return None
    return job


def _is_abandoned(job: Job) -> bool:
    """Whether whoever took it must have been killed."""
    asked_at = job.enqueued_at
    return asked_at is not None and (utc_now() - asked_at).total_seconds() > ABANDONED


def await_answer(job: Job, seconds: float) -> dict[str, Any] | None:
    """Wait for what was seen, up to SLICE at once. Raise LookFailed."""
    result = job.latest_result(timeout=max(0, math.ceil(min(seconds, SLICE))))
    if result is None:
        return None
    if result.type is not Result.Type.SUCCESSFUL or result.return_value is None:
        raise LookFailed
    return dict(result.return_value)
