"""`python -m jobs.errands PID`: do what web has asked for, and end. The runner PID starts it.

An errand never touches a run. It ends at SIGTERM with everything below it, also when its runner is
killed.
"""

import os
import sys
import time
from types import FrameType
from typing import Final, Never

from rq.exceptions import StopRequested
from rq.job import Job
from rq.queue import Queue
from rq.worker import SimpleWorker

from jobs import beside, previews
from runner import clients, family, machine
from runner.alarm import turn_deaf
from runner.bookkeeping import OPTIONS, QuietWorker
from runner.git import forget_strays
from runner.queue import queue_of_errands

BORN_AT: Final = time.monotonic()
YOUTH: Final = 60.0  # seconds in which it begins errands; what comes later is for the next one


class ErrandWorker(QuietWorker, SimpleWorker):
    """RQ's own worker, which a SIGTERM ends at once: what it does can be asked for again."""

    def request_stop(self, signum: int, frame: FrameType | None) -> Never:
        """End; an errand that is under way fails. A second signal must not disturb that."""
        turn_deaf()
        self._stop_requested = True
        raise StopRequested

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Take the next errand; none when it is time to leave the rest to another process."""
        if time.monotonic() > BORN_AT + YOUTH:
            return None
        return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)


def main(argv: list[str]) -> int:
    """Do all errands that wait."""
    settings = beside.begin(argv)
    forget_strays(os.environ)
    previews.SETTINGS.set(settings)
    redis = clients.connect(settings.redis_url)
    worker = ErrandWorker(
        [queue_of_errands(redis)],
        name=f"errands.{machine.process_name(settings.machine)}",
        connection=redis,
        **OPTIONS,
    )
    try:
        worker.work(burst=True, logging_level="WARNING")
    finally:
        turn_deaf()
        for member in family.below(os.getpid()):
            family.kill(member)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
