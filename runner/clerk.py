"""The thread that talks to Redis for the loop: takes jobs, keeps RQ's books, tells followers.

Not the loop itself: a Redis that is frozen, not refused, holds each call for its whole time-out.
In the loop that made turns of 38 s, outlasted leases and delayed time limits (seen in a review).
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import redis

from runner import groups, hints, keys
from runner.books import Books, Entry
from runner.errands import Errands
from runner.queue import take_turn
from runner.run import Run

log = logging.getLogger(__name__)

TICK = 1.0  # seconds between two looks at the queue that no bell has asked for
AGAIN = 1.0  # seconds until Redis is tried again when it was away
LAST_WORDS = 3.0  # seconds that the books may take when the runner leaves

Duty = Callable[[], None]

#: What is raised when Redis is away or about to come; any other error would be there again.
AWAY = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.ReadOnlyError,
    redis.OutOfMemoryError,
)


class Clerk(threading.Thread):
    """Does the loop's errands at Redis, in their order; they wait while it is away."""

    def __init__(
        self, books: Books, wake: Callable[[], None], errands: Sequence[Errands] = ()
    ) -> None:
        """Write *books*; call *wake* when there is a job for the loop, or one of the *errands*."""
        super().__init__(name="clerk", daemon=True)
        #: Jobs that were taken for the loop.
        self.taken: queue.SimpleQueue[Entry] = queue.SimpleQueue()
        self._books = books
        self._wake = wake
        self._errands = errands
        self._duties: deque[Duty] = deque()
        self._call = threading.Event()
        self._closing = threading.Event()
        #: How many more jobs the loop has slots for.
        self._free = 0
        self._is_paused = False
        #: Runs whose followers are about to be told.
        self._news: set[int] = set()
        #: What the next beat is for; None when none waits.
        self._live: tuple[list[Entry], list[Run]] | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """Work until the runner leaves."""
        self._add(self._books.open_books)
        while not self._closing.is_set():
            self._call.wait(TICK)
            self._call.clear()
            try:
                self._do_duties()
                self._take()
                self._look_for_errands()
            except AWAY as error:
                log.warning("Redis is away, the runs go on: %s", error)
                self._closing.wait(AGAIN)
                self._call.set()
            except Exception:
                log.exception("the clerk could not take a job")
                self._closing.wait(AGAIN)

    # What the loop asks for; none of it waits

    def call(self) -> None:
        """Look at the queue now."""
        self._call.set()

    def grant(self, slots: int) -> None:
        """Take as many more jobs."""
        with self._lock:
            self._free += slots
        self.call()

    def drop(self, entry: Entry) -> None:
        """Forget a job whose run was not queued any more."""
        self._add(lambda: self._books.drop(entry))

    def enter(self, entry: Entry) -> None:
        """Note that the job's run has been claimed."""
        self._add(lambda: self._books.enter(entry))

    def strike(self, entry: Entry, run: Run) -> None:
        """Note how the run ended."""
        self._add(lambda: self._books.strike(entry, run))
        self._add(lambda: groups.forget(self._books.connection, run.id))

    def enqueue(self, run: Run) -> None:
        """Put a run back into the queue that we do not go on with, and wake who may take it."""
        self._add(partial(hints.enqueue, self._books.connection, run))

    def call_up(self, run: Run) -> None:
        """Put a run into the queue whose turn has come, unless it is there."""
        self._add(partial(hints.enqueue_once, self._books.connection, run))

    def tell(self, run_id: int) -> None:
        """Let those who follow the run look at it; once, however often it is said meanwhile."""
        if run_id not in self._news:
            self._news.add(run_id)
            self._add(partial(self._publish, run_id))

    def beat(self, entries: list[Entry], runs: list[Run]) -> None:
        """Beat for the worker and its jobs and record their groups; the newest beat counts."""
        is_pending = self._live is not None
        self._live = (entries, runs)
        if not is_pending:
            self._add(self._beat)

    def pause(self, entries: list[Entry]) -> None:
        """Take no more, and give back what was taken and not begun: others wait for it."""
        entries += [self.taken.get() for _ in range(self.taken.qsize())]
        with self._lock:
            self._is_paused = True
            self._free += len(entries)
        for entry in entries:
            self._add(partial(self._books.give_back, entry))

    def resume(self) -> None:
        """Take jobs again."""
        if self._is_paused:
            self._is_paused = False
            self.call()

    def leave(self) -> None:
        """Close the books, if Redis lets us in time."""
        self.pause([])
        self._add(self._books.close_books)
        self._add(self._closing.set)
        self.join(LAST_WORDS)
        self._closing.set()

    def _add(self, duty: Duty) -> None:
        self._duties.append(duty)
        self.call()

    # What it does

    def _do_duties(self) -> None:
        # Not what is added meanwhile: with answers of 0.5 s a beat takes longer than it is to the
        # next one, and no job was taken any more (seen).
        for _ in range(len(self._duties)):
            try:
                self._duties[0]()
            except AWAY:
                raise
            except Exception:
                log.exception("an errand at Redis failed and is left")
            self._duties.popleft()

    def _take(self) -> None:
        while self._free > 0 and not self._is_paused:
            entry = self._books.take()
            if entry is None:
                return
            with self._lock:
                self._free -= 1
            self.taken.put(entry)
            self._wake()

    def _look_for_errands(self) -> None:
        for each in self._errands:
            if not each.is_free or each.wanted.is_set():
                continue
            if take_turn(self._books.connection, each.kind.queue, each.kind.turn):
                each.wanted.set()
                self._wake()

    def _beat(self) -> None:
        live, self._live = self._live, None
        if live is not None:  # else Redis went away in it: the next one is soon
            entries, runs = live
            self._books.keep_alive(entries)
            groups.record(self._books.connection, runs)

    def _publish(self, run_id: int) -> None:
        self._news.discard(run_id)
        self._books.connection.publish(keys.TAIL, str(run_id))
