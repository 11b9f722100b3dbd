"""RQ's queues: of runs, of what web wants to know of repositories, and of notifications.

Ids only. That a run is executed once is decided by claim, and that a notification is sent once by
runner.store.outbox, not here.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Protocol

from redis import Redis
from rq.exceptions import DuplicateJobError
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.queue import Queue
from rq.scripts import save_unique_job
from rq.serializers import JSONSerializer
from rq.utils import now as utc_now

from runner import keys
from runner.concurrency import DEFAULT_QUEUE, RANKS

#: What a plain RQ worker would call; jobs.runs says why it must not.
PLAY = "jobs.runs.play"
#: What senders call with a notification's id and the attempts at it so far.
SEND = "jobs.notifications.send"
KEEP_RESULT = 300  # seconds; the run's row tells more, and for ever
KEEP_FAILURE = 86_400  # seconds
FRONT = 2000  # jobs of a queue that are looked at first
TURN = 1000  # milliseconds that one runner has for taking errands before another comes to help
MOST_NOTIFICATIONS = 64  # in the queue: the rest waits in Postgres, where what is new goes first


class Waiting(Protocol):
    """A run that should wait in Redis."""

    @property
    def id(self) -> int:
        """Its id."""

    @property
    def queue(self) -> str:
        """The name of its queue."""

    @property
    def priority(self) -> int:
        """Its rank."""


def queue_of_runs(redis: Redis, name: str = DEFAULT_QUEUE, rank: int = 0) -> Queue:
    """The queue of the runs of one queue and priority."""
    return Queue(keys.queue(name, rank), connection=redis, serializer=JSONSerializer)


def queues_of_runs(redis: Redis, names: Iterable[str]) -> list[Queue]:
    """The queues that a runner takes from, which serves *names*: the first first."""
    ranks = sorted(RANKS.values(), reverse=True)
    return [queue_of_runs(redis, name, rank) for rank in ranks for name in names]


def queue_of_errands(redis: Redis) -> Queue:
    """The queue of what some runner shall look at; see jobs.errands."""
    return Queue(keys.ERRANDS, connection=redis, serializer=JSONSerializer)


def queue_of_notifications(redis: Redis) -> Queue:
    """The queue of what is due to be told; see jobs.senders."""
    return Queue(keys.NOTIFICATIONS, connection=redis, serializer=JSONSerializer)


def take_turn(redis: Redis, queue: str, turn: str) -> bool:
    """Whether *queue* has jobs and it is our turn: not every runner shall start a process."""
    if not Queue(queue, connection=redis, serializer=JSONSerializer).count:
        return False
    return bool(redis.set(turn, "", nx=True, px=TURN))


def room_for_notifications(redis: Redis) -> int:
    """How many more may be put into their queue."""
    return max(0, MOST_NOTIFICATIONS - queue_of_notifications(redis).count)


def enqueue_notification(
    redis: Redis, notification_id: int, attempts: int, *, ttl: int, timeout: int
) -> None:
    """Have the next attempt at a notification made. In *ttl* seconds it is nobody's any more."""
    queue_of_notifications(redis).enqueue_call(
        SEND,
        args=(notification_id, attempts),
        timeout=timeout,
        ttl=ttl,
        result_ttl=0,
        failure_ttl=KEEP_RESULT,
        description=f"notification {notification_id}",
    )


def enqueue(
    redis: Redis, run_id: int, *, timeout: int, name: str = DEFAULT_QUEUE, rank: int = 0
) -> None:
    """Put the run into the queue unless it is there: unique, since redis-py repeats commands.

    One round trip. RQ's enqueue_call makes three: it also names the queue to `rq info`, as
    runners do (runner.books), and asks for a version that only an older way to save needs.
    """
    queue = queue_of_runs(redis, name, rank)
    job = queue.create_job(
        PLAY,
        args=(run_id,),
        job_id=str(run_id),
        timeout=timeout,
        result_ttl=KEEP_RESULT,
        failure_ttl=KEEP_FAILURE,
        description=f"run {run_id}",
    )
    job.enqueued_at = utc_now()
    with suppress(DuplicateJobError):  # the answer to the first try was lost
        save_unique_job(redis, queue.key, job)  # type: ignore[no-untyped-call]  # RQ is half typed


def enqueue_again(
    redis: Redis, run_id: int, *, timeout: int, name: str = DEFAULT_QUEUE, rank: int = 0
) -> None:
    """Put a run into the queue that RQ has forgotten, whatever it remembers of it."""
    redis.delete(Job.key_for(str(run_id)))  # it may be half of a job only
    IntermediateQueue(queue_of_runs(redis, name, rank).key, redis).remove(str(run_id))
    enqueue(redis, run_id, timeout=timeout, name=name, rank=rank)


def waiting_among(redis: Redis, wanted: Sequence[Waiting]) -> set[int]:
    """Those of *wanted* that some runner will take.

    They are the oldest, so nearly always among the first: only where one is missing there all of a
    queue is read, which takes 0.2 s of 100,000.
    """
    found: set[int] = set()
    for kind in {(run.queue, run.priority) for run in wanted}:
        ids = {run.id for run in wanted if (run.queue, run.priority) == kind}
        queue = queue_of_runs(redis, *kind)
        first = {int(each) for each in queue.get_job_ids(0, FRONT) if each.isdigit()}
        found |= ids & (first if ids <= first else waiting(redis, [kind]))
    return found


def waiting(redis: Redis, kinds: Iterable[tuple[str, int]] = ((DEFAULT_QUEUE, 0),)) -> set[int]:
    """The runs that some runner will take from these queues, by name and rank."""
    found = (queue_of_runs(redis, name, rank).get_job_ids() for name, rank in kinds)
    return {int(job_id) for job_ids in found for job_id in job_ids if job_id.isdigit()}
