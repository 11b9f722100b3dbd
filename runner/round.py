"""One round of the watchdog: what it sees of the world when it begins, and what it decides."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from runner.family import Member
from runner.run import Run
from runner.store.connection import AWAY, Connection

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Round:
    """What every part of a round needs."""

    conn: Connection
    #: Who makes it, as moves and leases name it.
    watchdog: str
    #: The mark of this Curtain.
    installation: str
    #: Postgres' time when it began: no machine's own clock judges a run.
    now: datetime
    #: What is seen of Postgres, over a line that is up since then.
    sight: "Sight"
    up_since: float | None
    #: Seconds that we ourselves have seen Postgres without a break when it was last looked.
    unbroken: float
    #: The living families of this machine, by run id.
    families: dict[int, list[Member]]
    #: What was decided, by kind: see runner.store.watch.VERDICTS.
    verdicts: Counter[str] = field(default_factory=Counter)
    #: Seconds that the look at all processes of the machine took.
    looking: float = 0.0
    #: Seconds that the whole round took.
    seconds: float = 0.0

    def alone(self, run_id: int, step: Callable[..., None], *given: object) -> None:
        """Take a step for one run whose fault must not end the round for the others."""
        try:
            step(self, *given)
        except AWAY:
            raise
        except Exception:
            log.exception("run %d: the watchdog could not settle it", run_id)
        # To end survivors takes 12 s of each round, which is no standing still: two runs with some
        # made rounds in which nobody anywhere was ever lost.
        self.sight.look(self.up_since)

    def look_again(self) -> None:
        """See whether we have stood still in this round. Call it when leases have been read.

        A question may wait for longer than a lease: for a migration's lock, or a cut network.
        """
        self.unbroken = min(self.unbroken, self.sight.look(self.up_since))

    def time_is_up(self, run: Run) -> bool:
        """Whether the run's time limit has passed."""
        limit = timedelta(seconds=run.spec["timeout"])
        return run.claimed_at is not None and self.now > run.claimed_at + limit


class Sight:
    """Since when a watchdog has seen Postgres without a break, neither Postgres' nor its own."""

    def __init__(self, limit: float) -> None:
        """A watchdog that did not look for *limit* seconds stood still, and others may have too."""
        self._limit = limit
        self._looked_at = self._since = time.monotonic()

    def look(self, up_since: float | None) -> float:
        """Look again, over a line that is *up_since* then; tell the seconds without a break."""
        now = time.monotonic()
        if now - self._looked_at > self._limit:
            self._since = now
        self._looked_at = now
        return now - max(self._since, up_since) if up_since is not None else 0.0
