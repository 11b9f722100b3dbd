"""What a run's playbook tells of itself, on its way from the plugin's file to Postgres.

The file is the spool: how far it has been read stands in Postgres, so nothing is kept here, and
whoever settles the run of a dead runner goes on where that one was.
"""

import logging
import time
from pathlib import Path
from typing import Final

import psycopg

from runner.errors import RunnerError
from runner.event_batch import Batch, gather
from runner.event_file import CHUNK, EventFile
from runner.judge import PLAYED
from runner.masks import Mask
from runner.run import Run
from runner.store import reading
from runner.store.connection import AWAY, Connection
from runner.store.reading import Reading

log = logging.getLogger(__name__)

MOST_READ: Final = 4 * 2**30  # bytes of one attempt; some 40 million results
LAST_WORDS: Final = 4.0  # seconds for what is left when the family is gone and Postgres is there
HURRY: Final = 0.4  # the same when somebody waits for the end of it: a stop was asked, or we leave


class Telling:
    """Reads one attempt's file, a batch at a time."""

    def __init__(self, directory: Path, mask: Mask, limit: int) -> None:
        """Read the file in *directory*; keep at most *limit* events of the run."""
        self._directory = directory
        self._mask = mask
        self._limit = limit
        self._file: EventFile | None = None
        #: What Postgres knows; None until it was asked.
        self._reading: Reading | None = None
        #: A batch that Postgres has not acknowledged.
        self._offered: Batch | None = None
        #: Where the file ends, once nobody writes to it any more.
        self._end: int | None = None
        #: Until when the rest may be read; monotonic. None while Postgres was not there for it.
        self._until: float | None = None
        #: How long it may take from then on.
        self._patience = LAST_WORDS
        self._is_torn = False
        #: All is stored that ever will be.
        self.is_done = True

    def open(self) -> None:
        """The leader is about to become ansible-playbook: there is a file."""
        self.is_done = False
        try:
            self._file = EventFile(self._directory)
        except (OSError, RunnerError) as error:
            self._tear(str(error))

    def end(self) -> None:
        """The family is gone: nothing more will come."""
        if self._end is None and self._file is not None:
            self._end = self._file.size

    def hurry(self) -> None:
        """Somebody waits for the end of the run: let the rest go when it takes long."""
        if self._patience > HURRY:
            self._patience = HURRY
            if self._until is not None:
                self._until = min(self._until, time.monotonic() + HURRY)

    def _tear(self, why: str) -> None:
        log.warning("events of a run cannot be read: %s", why)
        self._is_torn = True
        self._end = self._position

    @property
    def _position(self) -> int:
        return self._reading.position if self._reading else 0

    @property
    def waiting(self) -> int:
        """Bytes that wait to be read; one, if only the end is to be told."""
        if self.is_done:
            return 0
        if self._end is not None:
            return max(1, self._end - self._position)
        return abs(self._file.size - self._position) if self._file else 0

    @property
    def has_backlog(self) -> bool:
        """Whether more waits than one batch takes."""
        return self.waiting > CHUNK or (self.waiting > 0 and self._end is not None)

    def is_complete(self, exit_code: int | None) -> bool | None:
        """Whether all that was told is stored. None when the plugin was not there to tell.

        A playbook that has ended by itself, with *exit_code*, has said so.
        """
        read = self._reading
        if self._is_torn or not self.is_done:
            return False
        if read is None or not read.has_begun:
            return None
        is_silent = exit_code in PLAYED and not read.has_ended
        return not (read.is_torn or read.dropped or is_silent)

    def write(self, conn: Connection, run: Run) -> bool:
        """Store a batch. False when the lease of *run* is another's. Raise what AWAY names."""
        try:
            return self._write(conn, run)
        except AWAY:
            raise
        except psycopg.Error as error:
            # Kept, it would keep the run from ever being final.
            log.error("run %d: Postgres refuses events: %s", run.id, error.diag.message_primary)
            self._is_torn = self.is_done = True
            return True

    def _write(self, conn: Connection, run: Run) -> bool:
        if self._reading is None:
            self._reading = reading.begin(conn, run)
            if self._reading is None:
                return False
        if self._end is not None and self._until is None:
            self._until = time.monotonic() + self._patience
        batch = self._offered or self._next()
        if batch.start == batch.end and not batch.is_last:
            return True
        self._offered = batch
        read = reading.store(conn, run, self._reading, batch, self._limit)
        if read is None:
            return False
        self._reading, self._offered = read, None
        self.is_done = batch.is_last
        return True

    def _next(self) -> Batch:
        """Gather what is stored next; the last batch may be empty."""
        start = self._position
        if self._until is not None and time.monotonic() > self._until:
            self._tear("there are more than can be stored in time")
        if start > MOST_READ and self._end is None:
            self._tear("there are more than are read of one run")
        lines, end = self._read(start)
        batch = gather(lines, start, end, self._mask)
        last = self._end
        # A line without an end is one that the plugin could not finish.
        is_stuck = not lines and end == start
        batch.is_last = last is not None and (end >= last or is_stuck)
        batch.is_torn |= self._is_torn or (batch.is_last and end < (last or 0))
        return batch

    def _read(self, start: int) -> tuple[list[bytes], int]:
        if self._file is not None and self._end != start:
            try:
                return self._file.read(start, self._file.size if self._end is None else self._end)
            except (OSError, RunnerError) as error:
                self._tear(str(error))
        return [], start

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
