"""A line in the log for each run that is stuck stopping: a person must look at it."""

import logging
import time
from collections.abc import Sequence
from datetime import datetime

from runner.policy import is_stuck
from runner.run import Run

log = logging.getLogger(__name__)

AGAIN = 60.0  # seconds until the same run is told of again


class Alerts:
    """Tells of each run at once, then once a minute."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        #: When each run was told of last; monotonic.
        self._told_at: dict[int, float] = {}

    def sound(self, stopping: Sequence[Run], now: datetime) -> list[Run]:
        """Tell of those of the *stopping* runs that are stuck, and return them.

        *now* is Postgres' time.
        """
        stuck = [run for run in stopping if _is_stuck(run, now)]
        self._told_at = {run.id: self._told_at[run.id] for run in stuck if run.id in self._told_at}
        for run in stuck:
            if time.monotonic() - self._told_at.get(run.id, -AGAIN) >= AGAIN:
                self._told_at[run.id] = time.monotonic()
                log.error("run %d: %s", run.id, describe(run, now), extra={"run": run.id})
        return stuck


def _is_stuck(run: Run, now: datetime) -> bool:
    asked, forced = _seconds(run.stop_requested_at, now), _seconds(run.force_requested_at, now)
    return asked is not None and is_stuck(asked=asked, forced=forced, grace=run.spec["grace"])


def _seconds(since: datetime | None, now: datetime) -> float | None:
    return (now - since).total_seconds() if since is not None else None


def describe(run: Run, now: datetime) -> str:
    """Who asked, for how long, where it is, and who is left; no arguments: they may be secret."""
    forced = f", forced by {run.force_requested_by}" if run.force_requested_at else ""
    asked = _seconds(run.stop_requested_at, now) or 0.0
    lease = "has run out" if run.stale else "holds"
    left = [f"{each['pid']} {each['command'].partition(' ')[0]}" for each in run.survivors]
    return (
        f"stuck stopping for {asked:.0f} s, asked by {run.stop_requested_by}{forced}; "
        f"runner {run.runner} on {run.machine}, held by {run.holder}, whose lease {lease}; "
        f"survivors: {', '.join(left) or 'none known'}"
    )
