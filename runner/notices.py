"""Telling in time of runs that are about to be ended, or that take longer than usual."""

import logging
import time
from collections.abc import Iterator
from typing import Final

from runner.run import Run
from runner.store import notices, statistics
from runner.store.connection import Connection

log = logging.getLogger(__name__)

SHORTEST: Final = 10.0  # seconds: what is shorter is never told of as slow
TIMES: Final = 2.0  # what 95 of 100 take, after which one is slow
FEWEST: Final = 5  # runs that have succeeded, by which it is told what is usual
DAYS: Final = 30
GOOD: Final = 600.0  # seconds that what is usual is good for


class Notices:
    """Notes each run once."""

    def __init__(self) -> None:
        """Nothing is known of any template."""
        #: Seconds that 95 of 100 take, and until when that is good; None where too few have ended.
        self._usual: dict[str, tuple[float | None, float]] = {}

    def look(self, conn: Connection, actor: str) -> Iterator[Run]:
        """Note those that are to be told of, and give them."""
        for run in notices.note_ends_soon(conn, actor=actor):
            log.warning("run %d: its time limit is nearly reached", run.id, extra={"run": run.id})
            yield run
        now = time.monotonic()
        for each in notices.long_running(conn, longer_than=SHORTEST):
            usual = self._usual_of(conn, each["template"], now)
            if usual is None or each["seconds"] < max(SHORTEST, TIMES * usual):
                continue
            slow = notices.note_slow(conn, each["id"], usual=usual, actor=actor)
            if slow is not None:
                log.warning("run %d: it takes longer than usual", slow.id, extra={"run": slow.id})
                yield slow

    def _usual_of(self, conn: Connection, template: str, now: float) -> float | None:
        known = self._usual.get(template)
        if known is None or known[1] < now:
            _, tally = statistics.of_template(conn, template, days=DAYS)
            usual = tally.p95 if tally.succeeded >= FEWEST else None
            self._usual = {name: each for name, each in self._usual.items() if each[1] >= now} | {
                template: (usual, now + GOOD)
            }
            return usual
        return known[0]
