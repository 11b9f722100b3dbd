"""RQ's queues: of runs, and of errands, which are what web wants to know of repositories.

Ids only. That a run is executed once is decided by claim, not here.
"""

from redis import Redis
from rq.exceptions import DuplicateJobError
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from runner import keys

#: What a plain RQ worker would call; jobs.runs says why it must not.
PLAY = "jobs.runs.play"
KEEP_RESULT = 300  # seconds; the run's row tells more, and for ever
KEEP_FAILURE = 86_400  # seconds
TURN = 1000  # milliseconds that one runner has for taking errands before another comes to help


def queue_of_runs(redis: Redis) -> Queue:
    """The queue that every runner takes from."""
    return Queue(keys.QUEUE, connection=redis, serializer=JSONSerializer)


def queue_of_errands(redis: Redis) -> Queue:
    """The queue of what some runner shall look at; see jobs.errands."""
    return Queue(keys.ERRANDS, connection=redis, serializer=JSONSerializer)


def take_turn_at_errands(redis: Redis) -> bool:
    """Whether there are errands and it is our turn: not every runner shall start a process."""
    if not queue_of_errands(redis).count:
        return False
    return bool(redis.set(keys.ERRANDS_TURN, "", nx=True, px=TURN))


def enqueue(redis: Redis, run_id: int, *, timeout: int) -> None:
    """Put the run into the queue unless it is there: unique, since redis-py repeats commands."""
    try:
        queue_of_runs(redis).enqueue_call(
            PLAY,
            args=(run_id,),
            job_id=str(run_id),
            timeout=timeout,
            result_ttl=KEEP_RESULT,
            failure_ttl=KEEP_FAILURE,
            description=f"run {run_id}",
            unique=True,
        )
    except DuplicateJobError:
        return  # the answer to the first try was lost


def enqueue_again(redis: Redis, run_id: int, *, timeout: int) -> None:
    """Put a run into the queue that RQ has forgotten, whatever it remembers of it."""
    redis.delete(Job.key_for(str(run_id)))  # it may be half of a job only
    IntermediateQueue(queue_of_runs(redis).key, redis).remove(str(run_id))
    enqueue(redis, run_id, timeout=timeout)


def waiting(redis: Redis) -> set[int]:
    """The runs that some runner will take from the queue."""
    return {int(job_id) for job_id in queue_of_runs(redis).get_job_ids() if job_id.isdigit()}
