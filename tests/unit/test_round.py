"""Since when a watchdog has seen Postgres, however long a round takes."""

import time
from datetime import UTC, datetime

import pytest

from runner.round import Round, Sight

LIMIT = 20.0


@pytest.fixture
def clock(monkeypatch):
    """A monotonic clock that tests put forward."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("steps", "unbroken"),
    [
        ([12.0, 12.0, 12.0], 36.0),  # survivors of three runs, each looked at again
        ([5.0, 21.0, 5.0], 5.0),  # it stood still in one of them
    ],
)
def test_steps_that_take_their_time_are_no_standing_still(clock, steps, unbroken):
    sight = Sight(LIMIT)
    this = Round(
        conn=None, watchdog="w", installation="abcdef01", now=datetime.now(UTC), sight=sight,
        up_since=clock[0], unbroken=0.0, families={},
    )  # fmt: skip

    def step(_, seconds):
        clock[0] += seconds

    for seconds in steps:
        this.alone(1, step, seconds)

    assert sight.look(this.up_since) == unbroken
