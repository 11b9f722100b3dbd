"""What is kept for a while only: the oldest of it goes.

In small transactions that wait for nobody, and for half a second of each round of the watchdog: so
no round is long, no table is locked, and what runs, stops and lists need is there meanwhile.
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from psycopg.errors import LockNotAvailable

from runner.lifetimes import Lifetimes
from runner.store import (
    audit,
    compressing,
    counts,
    deliveries,
    forgetting,
    notifications,
    runs,
    sessions,
)
from runner.store.connection import Connection, giving_way

log = logging.getLogger(__name__)

BATCH: Final = 500  # rows of one transaction
RUNS: Final = 100  # of one transaction: each has some ten events, and is in a dozen indexes
SHARE: Final = 0.5  # seconds of one round, a tenth of the time unless RUNNER_LEASE says otherwise
PAUSE: Final = 30.0  # seconds after all templates were looked at, most of which had nothing to do
PATIENCE: Final = 0.1  # seconds for a lock on a table; locked rows are left to the next round

Chore = Callable[[Connection], None]
Batch = Callable[[Connection], int]
T = TypeVar("T")


class Retention:
    """Forgets and compresses by turns, so that each gets its time however much there is to do."""

    def __init__(self, lifetimes: Lifetimes) -> None:
        """Keep everything for as long as *lifetimes* say."""
        self._lifetimes = lifetimes
        self._until = 0.0
        #: The chore that comes first this time.
        self._turn = 0
        #: The template that was the last; "": all were, and none before then is looked at again.
        self._template = ""
        self._again_at = 0.0
        #: Whether the time was up before all of one was done, since the first of them.
        self._has_more = False

    def chores(self) -> list[Chore]:
        """What is to be done in this round, each for itself: a fault of one ends no other."""
        self._until = time.monotonic() + SHARE
        chores: list[Chore] = [
            self.runs,
            self.outputs,
            self.events,
            self.left_over,
            self.others,
            self.compression,
        ]
        self._turn = (self._turn + 1) % len(chores)
        return chores[self._turn :] + chores[: self._turn]

    def runs(self, conn: Connection) -> None:
        """Forget runs: of a template's those that are too old, and those that are too many."""
        if time.monotonic() < self._again_at:
            return
        for template, days, most in _patiently(conn, self._templates) or ():
            self._template = template
            if days:
                aged = partial(forgetting.forget_aged, template=template, days=days, limit=RUNS)
                self._repeat(conn, f"runs of {template} are too old, and gone", aged)
            if most:
                many = partial(forgetting.forget_beyond, template=template, most=most, limit=RUNS)
                self._repeat(conn, f"runs of {template} are too many, and gone", many)
            if time.monotonic() > self._until:
                self._has_more = True
                return  # this one may have more, and comes again after all others
        self._again_at = time.monotonic() + (0.0 if self._has_more else PAUSE)
        self._template, self._has_more = "", False

    def _templates(self, conn: Connection) -> list[tuple[str, int, int]]:
        """Templates and their limits in turn, behind the last one of the last round."""
        days, most = self._lifetimes.run_days, self._lifetimes.run_count
        said = forgetting.retentions(conn)
        names = sorted(runs.template_names(conn) if days or most else said)
        return [
            (name, said.get(name, {}).get("days", days), said.get(name, {}).get("runs", most))
            for name in names
            if name > self._template
        ]

    def outputs(self, conn: Connection) -> None:
        """Forget outputs of runs that are kept."""
        if days := self._lifetimes.output_days:
            forget = partial(forgetting.forget_part, part="output", days=days, limit=RUNS)
            self._repeat(conn, "outputs are older than is kept, and gone", forget)

    def events(self, conn: Connection) -> None:
        """Forget what playbooks have told, of runs that are kept."""
        if days := self._lifetimes.event_days:
            forget = partial(forgetting.forget_part, part="events", days=days, limit=RUNS)
            self._repeat(conn, "runs' events are older than is kept, and gone", forget)

    def left_over(self, conn: Connection) -> None:
        """Delete what is forgotten."""
        for part in forgetting.PARTS:
            delete = partial(forgetting.delete_left_over, part=part)
            self._repeat(conn, f"rows of forgotten {part} are deleted", delete)

    def others(self, conn: Connection) -> None:
        """Delete what is of no run, or outlives it."""
        kept: tuple[tuple[str, int, Callable[..., int]], ...] = (
            ("deliveries", self._lifetimes.delivery_days, deliveries.forget),
            ("notifications", self._lifetimes.notification_days, notifications.forget),
            ("audit", self._lifetimes.audit_days, audit.forget),
        )
        for table, days, forget in kept:
            if days:
                delete = partial(_delete, table=table, forget=partial(forget, days=days))
                self._repeat(conn, f"rows of {table} are older than is kept, and gone", delete)
        self._repeat(conn, "ended sessions are over", partial(sessions.forget, limit=BATCH))

    def compression(self, conn: Connection) -> None:
        """Compress old outputs."""
        if days := self._lifetimes.compress_days:
            compress = partial(compressing.compress_oldest, days=days)
            self._repeat(conn, "batches of old output are compressed", compress)

    def _repeat(self, conn: Connection, what: str, batch: Batch) -> None:
        """Do batches until there is nothing to do, or the time is up; one at least."""
        total = 0
        while done := _patiently(conn, batch):
            total += done
            if time.monotonic() > self._until:
                break
        if total:
            log.info("%d %s", total, what)


def _patiently(conn: Connection, step: Callable[[Connection], T]) -> T | None:
    """Take a step in a transaction of its own. None when somebody holds a table that it wants."""
    try:
        with giving_way(conn, PATIENCE):
            # Should Postgres crash just then, it is done again: nobody has to wait for the disk.
            conn.execute("SET LOCAL synchronous_commit = off")
            return step(conn)
    except LockNotAvailable as error:
        log.warning("somebody holds a table that retention wants, it tries again: %s", error)
        return None


def _delete(conn: Connection, *, table: str, forget: Callable[..., int]) -> int:
    deleted = forget(conn, limit=BATCH)
    counts.note(conn, "forgotten", [table], deleted)
    return deleted
