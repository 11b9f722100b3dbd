"""What the watchdog thinks: a row, a view, and what is to be done."""

import pytest

from runner.policy import Advice, View, advise
from runner.run import RunState
from tests.made import make_run

QUEUED = {"state": RunState.QUEUED, "phase": None}
DONE = {"state": RunState.STOPPED, "phase": None}


@pytest.mark.parametrize(
    ("run", "view", "advice"),
    [
        # Queued
        (QUEUED, View(rounds_missed=0), Advice.LEAVE),  # it waits for a slot
        (QUEUED, View(rounds_missed=1), Advice.LEAVE),  # it is being enqueued or claimed just now
        (QUEUED, View(rounds_missed=2), Advice.ENQUEUE),  # RQ has forgotten it
        # Running on this machine
        ({}, View(is_here=True, runner_is_alive=True), Advice.LEAVE),  # its runner holds it
        ({"stale": True}, View(is_here=True, runner_is_alive=True), Advice.LEAVE),  # it is frozen
        ({}, View(is_here=True, runner_is_alive=False), Advice.SETTLE),  # it was killed
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
    assert advise(make_run(**run), view) is advice


def test_a_family_without_a_row_has_no_right_to_live():
    assert advise(None, View(family_is_alive=True)) is Advice.END
