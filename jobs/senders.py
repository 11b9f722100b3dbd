"""`python -m jobs.senders PID`: send the notifications that are due, several at once, and end.

The runner PID starts it. Each thread is a worker of RQ's: what hangs holds one of them for no
longer than jobs.outward lets it. At SIGTERM they finish what they are at and take no more.
"""

import signal
import sys
import threading
import time
from types import FrameType
from typing import Final

from redis import Redis
from rq.job import Job
from rq.queue import Queue
from rq.timeouts import TimerDeathPenalty
from rq.worker import SimpleWorker

from jobs import beside
from jobs.notifications import DESK, Desk
from jobs.outward import Way, way
from runner import clients, machine
from runner.bookkeeping import OPTIONS, QuietWorker
from runner.queue import queue_of_notifications
from runner.settings import Settings
from runner.store.connection import Line
from runner.vault import Vault

AT_ONCE: Final = 8
YOUTH: Final = 60.0  # seconds in which it takes jobs; what comes later is for the next one
IDLE: Final = 3  # seconds without a job until it ends; below the time-out of Redis' socket
LOOK: Final = 0.05  # seconds between two looks at whether all are done


class Season:
    """For how long jobs are taken."""

    # No Event: a signal may come while the main thread, which waits for it, has its lock.

    def __init__(self) -> None:
        self.is_over = False
        self.until = time.monotonic() + YOUTH

    def end(self, number: int, frame: FrameType | None) -> None:
        """Take no more."""
        self.is_over = True


class Sender(QuietWorker, SimpleWorker):
    """RQ's own worker, in a thread: no signal is for it, and its limit is a timer."""

    death_penalty_class = TimerDeathPenalty
    desk: Desk
    season: "Season"
    #: It is at a job.
    is_busy = False

    def _install_signal_handlers(self) -> None:
        """They are the main thread's."""

    def dequeue_job_and_maintain_ttl(
        self, timeout: int | None, max_idle_time: int | None = None
    ) -> tuple[Job, Queue] | None:
        """Take the next job; none when it is time to leave the rest to another process."""
        if self.season.is_over or time.monotonic() > self.season.until:
            return None
        return super().dequeue_job_and_maintain_ttl(timeout, max_idle_time)

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Do one job."""
        self.is_busy = True
        DESK.set(self.desk)
        try:
            super().execute_job(job, queue)
        finally:
            self.is_busy = False


def main(argv: list[str]) -> int:
    """Send all that waits."""
    season = Season()
    settings = beside.begin(argv)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, season.end)
    outward, redis = way(settings.notify_private), clients.connect(settings.redis_url)
    senders = [make(settings, outward, redis, season, number) for number in range(AT_ONCE)]
    threads = [threading.Thread(target=work, args=(sender,), daemon=True) for sender in senders]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if season.is_over and not any(sender.is_busy for sender in senders):
            break  # they wait for Redis; what one of them gets in this moment is due again later
        time.sleep(LOOK)
    return 0


def make(settings: Settings, way: Way, redis: Redis, season: Season, number: int) -> Sender:
    """Make one of the workers."""
    sender = Sender(
        [queue_of_notifications(redis)],
        name=f"sender.{machine.process_name(settings.machine)}.{number}",
        connection=redis,
        **OPTIONS,
    )
    sender.season = season
    sender.desk = Desk(settings, Vault(settings.secret_key), Line(settings.database_url), way)
    return sender


def work(sender: Sender) -> None:
    """Be one of them."""
    sender.work(max_idle_time=IDLE, logging_level="WARNING")
    sender.desk.line.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
