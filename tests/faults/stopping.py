"""Stops, and what is true of the run that was stopped."""

import time

from runner.run import RunState, StopOutcome
from tests import playbooks
from tests.waiting import wait_until

#: What signals are sent for when a stop was asked for.
STOP = ("stop", "force")


def wait_for(moment):
    """Let time pass until *moment*, which is monotonic."""
    wait_until(lambda: time.monotonic() >= moment, interval=0.0005)


def signals(world, run):
    """Those that a stop has sent, in their order."""
    sent = [event.detail for event in world.events(run, "signalled")]
    return [detail["signal"] for detail in sent if detail["why"] in STOP]


def ended_by_itself(world, run):
    """Whether the leader had ended before a stop sent anything."""
    told: list[str] = []
    for event in world.events(run):
        if event.kind == "claimed":  # what an attempt did that had not begun counts no more
            told.clear()
        elif event.kind == "exited" or (event.kind == "signalled" and event.detail["why"] in STOP):
            told.append(event.kind)
    return told[:1] == ["exited"]


def await_truth(world, run):
    """Wait for the end; it is what the history says of signals and exit codes."""
    final = world.await_final(run)
    assert world.family(run) == []
    if final.stop_outcome is StopOutcome.NEVER_STARTED:
        assert (final.state, final.exit_code) == (RunState.STOPPED, None)
        assert world.executions(run) == []
    elif ended_by_itself(world, run):
        assert (final.state, final.exit_code) == (RunState.SUCCEEDED, 0)
        assert final.stop_outcome in (None, StopOutcome.TOO_LATE)
    else:
        how = StopOutcome.KILLED if "KILL" in signals(world, run) else StopOutcome.TERMINATED
        assert (final.state, final.stop_outcome) == (RunState.STOPPED, how)
    return final


def declare_sleeping(world, word, **template):
    """Let "sleeping" be told from everybody else's."""
    world.declare("sleeping", playbooks.SLEEPING.replace("300", word), **template)
