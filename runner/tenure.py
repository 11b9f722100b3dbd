"""A run's row in the hands of its runner: the lease, and all that Postgres is still to be told."""

import logging
import time
from collections.abc import Callable
from typing import Any

from runner.journal import Journal
from runner.output import ENOUGH, Output
from runner.run import Run
from runner.store import events, output
from runner.store.connection import Connection
from runner.telling import Telling

log = logging.getLogger(__name__)

BACKLOG = 8  # chunks that one turn of the loop writes of one run: all others wait meanwhile
SOONEST = 0.05  # seconds that output may wait for more before it is stored, for each live run
FLUSH = 0.25  # seconds that it may wait at most, however many there are


class Tenure:
    """Writes what a run does, in its order, for as long as its lease is ours."""

    def __init__(
        self, run: Run, out: Output, telling: Telling, on_loss: Callable[[], None]
    ) -> None:
        """Hold *run*, which prints to *out* and has a file of what it is *telling*.

        Call *on_loss* when the lease is ours no more.
        """
        self.run = run
        #: Somebody else has the lease, or nobody: nothing we say counts any more.
        self.is_lost = False
        self._output = out
        self._telling = telling
        self._on_loss = on_loss
        self._journal = Journal(run.id)
        self._flushed_at = 0.0

    def lose(self) -> None:
        """Note that the lease is another's."""
        if not self.is_lost:
            log.warning("run %d: its lease is another's, its family is ended", self.run.id)
            self.is_lost = True
        self._on_loss()

    def note(self, kind: str, detail: dict[str, Any]) -> None:
        """Tell what happened, when Postgres is there."""
        self._journal.add(lambda conn: events.append_held(conn, self.run, kind, detail))

    def move(self, move: Callable[[Connection], Run | None]) -> None:
        """Make a move, when Postgres is there; None of it says that the lease is lost."""

        def entry(conn: Connection) -> None:
            moved = move(conn)
            if moved is None:
                self.lose()
            else:
                self.run = moved

        self._journal.add(entry)

    def add(self, entry: Callable[[Connection], None]) -> None:
        """Write *entry*, when Postgres is there."""
        self._journal.add(entry)

    @property
    def has_been_refused(self) -> bool:
        """Whether Postgres would not take something, which was dropped then."""
        return self._journal.refused > 0

    @property
    def has_room(self) -> bool:
        """Whether more output should be read although Postgres has not taken all yet."""
        return self._output.waiting < ENOUGH

    @property
    def has_backlog(self) -> bool:
        """Whether more output or events wait than one turn writes."""
        has_more = self._output.waiting >= ENOUGH or self._telling.has_backlog
        return has_more and not self.is_lost

    @property
    def has_waiting(self) -> bool:
        """Whether output or events wait."""
        return self._output.waiting > 0 or self._telling.waiting > 0

    def is_due(self, now: float, pace: float) -> bool:
        """Whether something should be written now and not later.

        Output waits for *pace* seconds at most.
        """
        waited = self.wait(now, pace) == 0.0 or self.has_backlog
        return bool(self._journal) or (waited and self.has_waiting and not self.is_lost)

    def wait(self, now: float, pace: float) -> float:
        """Seconds until output that is there should be written."""
        return max(0.0, self._flushed_at + pace - now)

    def write(self, conn: Connection) -> bool:
        """Write the journal, and of the rest as much as one turn may. Whether that was news."""
        is_news = bool(self._journal) or self.has_waiting
        self._journal.write(conn)
        for _ in range(BACKLOG):
            if not self._output.waiting or self.is_lost:
                break
            self._write_chunk(conn)
        # After the output, and one batch only: none waits for events.
        if self._telling.waiting and not self.is_lost and not self._telling.write(conn, self.run):
            self.lose()
        self._flushed_at = time.monotonic()
        return is_news

    def _write_chunk(self, conn: Connection) -> None:
        chunk, token = self._output.next_chunk(), self.run.lease_token
        assert token is not None
        if output.append(conn, self.run.id, token, self._output.stored, chunk):
            self._output.taken()
        else:
            self.lose()

    @property
    def is_written(self) -> bool:
        """Whether Postgres has been told everything but the end."""
        nothing_waits = self.is_lost or not (self._output.waiting or self._telling.waiting)
        return not self._journal and nothing_waits

    @property
    def is_complete(self) -> bool:
        """Whether all that the family wrote is stored."""
        return not (self._output.is_truncated or self._output.is_torn or self.is_lost)
