"""How long the runner's loop waits: until something is due, and no shorter."""

import time
from collections.abc import Collection

from runner.live import Live
from runner.tenure import FLUSH, SOONEST

SWEEP = 0.02  # seconds between two looks at a family whose keeper was killed
TICK = 1.0  # seconds between two looks at what a lost bell would have told


def pause(lives: Collection[Live], *, is_up: bool) -> float:
    """How long to wait for something to happen; *is_up*: Postgres is there to be told of it."""
    if is_up and any(live.tenure.has_backlog for live in lives):
        return 0.0
    if any(live.is_being_swept for live in lives):
        return SWEEP
    now, most_often = time.monotonic(), pace(lives)
    waiting = [live.tenure for live in lives if live.tenure.has_waiting]
    is_ending = any(live.is_gone for live in lives)
    most = FLUSH if is_ending else TICK
    # What is due already could not be written in this turn: not at once again, that would spin.
    return min([most, *(tenure.wait(now, most_often) or most_often for tenure in waiting)])


def pace(lives: Collection[Live]) -> float:
    """Seconds that output may wait for more: the more runs, the longer, for Postgres' sake."""
    return min(FLUSH, SOONEST * len(lives))
