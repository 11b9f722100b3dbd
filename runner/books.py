"""RQ's books: who took which job. They make `rq info` right and decide nothing about a run."""

import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from redis import Redis
from rq import worker_registration
from rq.exceptions import InvalidJobOperation
from rq.executions import Execution
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.queue import Queue
from rq.utils import now as utc_now
from rq.worker.base import WorkerStatus

from runner.bookkeeping import OPTIONS, QuietWorker
from runner.concurrency import DEFAULT_QUEUE
from runner.queue import queues_of_runs
from runner.run import Run, RunState

log = logging.getLogger(__name__)

RUN_ID = re.compile(r"[0-9]{1,18}")


@dataclass
class Entry:
    """A job that this worker has taken from the queue."""

    job: Job
    queue: Queue
    #: None until the run was claimed.
    execution: Execution | None = None

    @property
    def run_id(self) -> int:
        """The run that the job is about."""
        return int(self.job.id)


class Books(QuietWorker):
    """An RQ worker of the queue of runs, with many executions at once (RQ 3.0)."""

    def __init__(
        self, redis: Redis, name: str, *, beat: float, queues: Sequence[str] = (DEFAULT_QUEUE,)
    ) -> None:
        """Write the books of the worker *name*, which serves *queues*."""
        super().__init__(
            queues_of_runs(redis, queues),
            name=name,
            connection=redis,
            job_monitoring_interval=int(beat) or 1,
            **OPTIONS,
        )

    def open_books(self) -> None:
        """Appear in `rq info`."""
        self.register_birth()  # type: ignore[no-untyped-call]  # RQ is half typed
        self._name_queues()
        self.set_state(WorkerStatus.STARTED)

    def _name_queues(self) -> None:
        """Have `rq info` list the queues: whoever puts a run into one does not take the time."""
        self.connection.sadd(Queue.redis_queues_keys, *(queue.key for queue in self.queues))

    def close_books(self) -> None:
        """Disappear from it."""
        self.register_death()  # type: ignore[no-untyped-call]  # RQ is half typed

    def take(self) -> Entry | None:
        """The next job of the queue, or None. Never waits: nothing is in hand at a SIGTERM."""
        while taken := Queue.dequeue_any(
            self.queues, None, self.connection, job_class=Job, serializer=self.serializer
        ):
            entry = Entry(*taken)
            if RUN_ID.fullmatch(entry.job.id):
                return entry
            log.error("job %s is no run's and is dropped", entry.job.id)
            self.drop(entry)
        return None

    def give_back(self, entry: Entry) -> None:
        """Put a job to the front again that could not be claimed yet."""
        self.connection.lpush(entry.queue.key, entry.job.id)
        self._leave_intermediate(entry)

    def drop(self, entry: Entry) -> None:
        """Forget a job whose run was not queued any more."""
        self._leave_intermediate(entry)
        with suppress(InvalidJobOperation):  # Redis was flushed: it has forgotten the job itself
            entry.job.delete()

    def _leave_intermediate(self, entry: Entry) -> None:
        IntermediateQueue(entry.queue.key, self.connection).remove(entry.job.id)

    def enter(self, entry: Entry) -> None:
        """Note that the job's run has been claimed."""
        entry.execution = self.prepare_execution(entry.job)
        self.prepare_job_execution(entry.job, remove_from_intermediate_queue=True)
        entry.job.started_at = utc_now()

    def keep_alive(self, entries: list[Entry]) -> None:
        """Beat for the worker and its jobs; heals the books after a flush of Redis."""
        self.heartbeat()
        if not self.connection.hexists(self.key, "birth"):
            self.connection.hset(self.key, mapping=self.serialize())
        worker_registration.register(self)
        self._name_queues()
        self.set_state(WorkerStatus.BUSY if entries else WorkerStatus.IDLE)
        for entry in entries:
            if entry.execution is not None:
                self.maintain_heartbeats(entry.job, entry.execution)
        if self.should_run_maintenance_tasks:
            self.run_maintenance_tasks()  # type: ignore[no-untyped-call]  # RQ is half typed

    def strike(self, entry: Entry, run: Run) -> None:
        """Note how the run ended."""
        if entry.execution is None:
            self.drop(entry)
            return
        entry.job.ended_at = utc_now()
        if run.state is RunState.SUCCEEDED:
            result: dict[str, Any] = {"state": run.state, "exit_code": run.exit_code}
            self._finalize_success(entry.job, entry.queue, entry.execution, result)
            return
        if run.state is RunState.STOPPED:
            self._stopped_job_id = entry.job.id
        self.handle_job_failure(
            entry.job,
            entry.queue,
            exc_string=f"{run.state}: {run.message}",
            execution=entry.execution,
        )
