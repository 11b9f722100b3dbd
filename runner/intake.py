"""Jobs on their way from the clerk, who takes them, to the loop, which holds their runs."""

import logging
from collections.abc import Callable, Container, Iterator

import psycopg

from runner.books import Entry
from runner.clerk import Clerk
from runner.live import Live
from runner.run import Run
from runner.starts import Paused, Starts
from runner.store import maintenance, order
from runner.store.connection import AWAY, Connection, Line

log = logging.getLogger(__name__)


class Intake:
    """Starts what the clerk has taken, or lets others have it."""

    def __init__(
        self,
        clerk: Clerk,
        starts: Starts,
        line: Line,
        *,
        has_memory: Callable[[], bool] = lambda: True,
    ) -> None:
        """Start jobs of *clerk* when Postgres, at the end of *line*, lets us claim them."""
        self._clerk = clerk
        self._starts = starts
        self._line = line
        self._has_memory = has_memory
        #: Nothing may be taken: maintenance, or this runner is drained.
        self.is_held = False
        self.is_short_of_memory = False
        #: Jobs in hand whose runs could not be claimed yet.
        self._postponed: list[Entry] = []
        #: Groups in which it may be another run's turn.
        self._groups: set[str] = set()

    def look(self, conn: Connection, runner: str) -> None:
        """See whether anything may be taken."""
        self.is_held = maintenance.is_held(conn, runner)
        self.is_short_of_memory = not self._has_memory()

    def begin(self, held: Container[int]) -> Iterator[tuple[Entry, Live]]:
        """Start what was taken, but no run that is in *held*. Raise what AWAY names."""
        while not self._clerk.taken.empty():
            self._postponed.append(self._clerk.taken.get())
        for entry in [entry for entry in self._postponed if entry.run_id not in held]:
            self.is_short_of_memory = not self._has_memory()
            if self.is_held or self.is_short_of_memory:
                return
            try:
                live = self._start(entry)
            except Paused:
                self.is_held = True
                return
            self._postponed.remove(entry)
            if isinstance(live, Live):
                yield entry, live
            else:
                self._clerk.drop(entry)
                self._clerk.grant(1)
                self.pass_on(live)

    def _start(self, entry: Entry) -> Live | Run | None:
        try:
            return self._starts.start(self._line.conn(), entry.run_id)
        except AWAY:
            raise
        except psycopg.Error as error:
            log.error("run %d: Postgres refuses: %s", entry.run_id, error.diag.message_primary)
            return None

    def pass_on(self, run: Run | None) -> None:
        """Look for whose turn it is in the group of a run that has ended, or could not be taken."""
        if run is not None and run.concurrency_group is not None:
            self._groups.add(run.concurrency_group)

    def call_up(self) -> None:
        """Have those taken whose turn has come. Raise what AWAY names."""
        while self._groups:
            group = next(iter(self._groups))
            try:
                ready = order.ready_in_group(self._line.conn(), group)
            except AWAY:
                raise
            except psycopg.Error as error:  # the watchdog finds them, too, and others wait for us
                log.error("group %r: Postgres refuses: %s", group, error.diag.message_primary)
                ready = []
            for run in ready:
                self._clerk.call_up(run)
            self._groups.discard(group)

    def share_out(self, *, may_begin: bool) -> None:
        """Leave jobs to other runners while we could not begin them."""
        if may_begin and not self.is_held and not self.is_short_of_memory:
            self._clerk.resume()
        else:
            self._clerk.pause(self._postponed)
            self._postponed = []
