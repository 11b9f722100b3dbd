"""What the watchdog thinks: a row, a view, and what is to be done."""

from datetime import UTC, datetime

import pytest

from runner.policy import Advice, View, advise, is_stuck
from runner.run import RunState
from tests.made import make_run

QUEUED = {"state": RunState.QUEUED, "phase": None}
PLAYING = {"stale": True, "runner": "a", "holder": "a", "leader_pid": 7}
STOPPING = PLAYING | {"stop_requested_at": datetime.now(UTC)}
GATED = PLAYING | {"leader_pid": None}
FROZEN = {"is_here": True, "holder_is_alive": True, "unbroken": 31}
DONE = {"state": RunState.STOPPED, "phase": None}


@pytest.mark.parametrize(
    ("run", "view", "advice"),
    [
        # Queued
        (QUEUED, View(rounds_missed=0), Advice.LEAVE),  # it waits for a slot
        (QUEUED, View(rounds_missed=1), Advice.LEAVE),  # it is being enqueued or claimed just now
        (QUEUED, View(rounds_missed=2), Advice.ENQUEUE),  # RQ has forgotten it
        # Running on this machine
        ({}, View(is_here=True, holder_is_alive=True), Advice.LEAVE),  # its runner holds it
        ({}, View(is_here=True, holder_is_alive=False), Advice.SETTLE),  # it was killed
        # Running on this machine by a frozen runner
        (PLAYING, FROZEN, Advice.LEAVE),  # its playbook goes on, and its row reads as stale
        (STOPPING, FROZEN, Advice.SETTLE),  # whoever asks for a stop gets one
        (PLAYING, FROZEN | {"keeper_said_gone": True}, Advice.SETTLE),  # nothing is running
        (PLAYING, FROZEN | {"time_is_up": True}, Advice.SETTLE),  # nobody else ends it
        (GATED, FROZEN, Advice.SETTLE),  # another runner can begin it
        (PLAYING | {"holder": "watchdog"}, FROZEN, Advice.SETTLE),  # whoever settled it is frozen
        (STOPPING | {"stale": False}, FROZEN, Advice.LEAVE),  # its runner may be just about to
        (STOPPING, FROZEN | {"unbroken": 29}, Advice.LEAVE),  # it may be we who were away
        # Running elsewhere
        ({}, View(unbroken=99), Advice.LEAVE),  # its lease holds
        ({"stale": True}, View(unbroken=29), Advice.LEAVE),  # we were away ourselves just now
        ({"stale": True}, View(unbroken=31), Advice.LOSE),  # its runner had time to renew
        # Final
        (DONE, View(family_is_alive=True), Advice.END),  # a family has outlived its row
        (DONE, View(), Advice.LEAVE),
    ],
)
def test_the_watchdog_advises(run, view, advice):
    seen = view if isinstance(view, View) else View(**view)

    assert advise(make_run(**run), seen) is advice


def test_a_family_without_a_row_has_no_right_to_live():
    assert advise(None, View(family_is_alive=True)) is Advice.END


@pytest.mark.parametrize(
    ("asked", "forced", "grace", "stuck"),
    [
        (5.0, None, 10, False),  # ansible is ending its workers
        (21.9, None, 10, False),  # 2 s of asking, 10 s of grace and 10 s to spare
        (22.1, None, 10, True),
        (22.1, None, 60, False),  # its template gives it more time
        (12.1, None, 0, True),
        (12.1, 9.9, 60, False),  # it was forced just now
        (12.1, 10.1, 60, True),  # a force waits for nothing
        (80.0, 5.0, 60, True),  # it was stuck before it was forced
    ],
)
def test_a_stop_that_takes_longer_than_its_ladder_is_stuck(asked, forced, grace, stuck):
    assert is_stuck(asked=asked, forced=forced, grace=grace) is stuck
