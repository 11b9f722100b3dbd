"""Jobs on their way from the clerk, who takes them, to the loop, which holds their runs."""

import logging
from collections.abc import Container, Iterator

import psycopg

from runner.books import Entry
from runner.clerk import Clerk
from runner.live import Live
from runner.starts import Starts
from runner.store.connection import AWAY, Line

log = logging.getLogger(__name__)


class Intake:
    """Starts what the clerk has taken, or lets others have it."""

    def __init__(self, clerk: Clerk, starts: Starts, line: Line) -> None:
        """Start jobs of *clerk* when Postgres, at the end of *line*, lets us claim them."""
        self._clerk = clerk
        self._starts = starts
        self._line = line
        #: Jobs in hand whose runs could not be claimed yet.
        self._postponed: list[Entry] = []

    def begin(self, held: Container[int]) -> Iterator[tuple[Entry, Live]]:
        """Start what was taken, but no run that is in *held*. Raise what AWAY names."""
        while not self._clerk.taken.empty():
            self._postponed.append(self._clerk.taken.get())
        for entry in [entry for entry in self._postponed if entry.run_id not in held]:
            live = self._start(entry)
            self._postponed.remove(entry)
            if live is None:
                self._clerk.drop(entry)
                self._clerk.grant(1)
            else:
                yield entry, live

    def _start(self, entry: Entry) -> Live | None:
        try:
            return self._starts.start(self._line.conn(), entry.run_id)
        except AWAY:
            raise
        except psycopg.Error as error:
            log.error("run %d: Postgres refuses: %s", entry.run_id, error.diag.message_primary)
            return None

    def share_out(self, *, may_begin: bool) -> None:
        """Leave jobs to other runners while we could not begin them."""
        if may_begin:
            self._clerk.resume()
        else:
            self._clerk.pause(self._postponed)
            self._postponed = []
