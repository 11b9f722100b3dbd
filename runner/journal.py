"""What Postgres is still to be told of a run, in its order; it may be away meanwhile."""

import logging
from collections import deque
from collections.abc import Callable

import psycopg

from runner.store.connection import AWAY, Connection

log = logging.getLogger(__name__)

Entry = Callable[[Connection], None]


class Journal:
    """Entries that are written once each, the oldest first."""

    def __init__(self, run_id: int) -> None:
        """Keep the journal of one run."""
        self._run_id = run_id
        self._entries: deque[Entry] = deque()
        #: How many were dropped.
        self.refused = 0

    def __bool__(self) -> bool:
        """Whether something is still to be written."""
        return bool(self._entries)

    def add(self, entry: Entry) -> None:
        """Write *entry* when Postgres is there."""
        self._entries.append(entry)

    def write(self, conn: Connection) -> None:
        """Write everything. Raise what AWAY names when Postgres goes away; nothing is lost then.

        An entry that Postgres refuses is dropped with an error in the log: kept, it would keep
        the run from ever being final.
        """
        while self._entries:
            try:
                self._entries[0](conn)
            except AWAY:
                raise
            except psycopg.Error as error:
                self.refused += 1
                log.error("run %d: Postgres refuses: %s", self._run_id, error.diag.message_primary)
            self._entries.popleft()
