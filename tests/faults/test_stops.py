"""A stop at any moment, from the queue to the last instruction: the row tells how the run ended."""

import os
import time
from itertools import product

import pytest

from runner import linux, queue
from runner.run import RunState, StopOutcome
from tests.audit import running
from tests.faults.stopping import (
    await_truth,
    declare_sleeping,
    signals,
    wait_for,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # a world takes its time on a busy machine


# From the queue to the first instruction


def test_a_stop_between_claim_and_spawn(roomy_world, word):
    """The keepers stand still: the orders wait in their pipes when the stops come."""
    world = roomy_world
    declare_sleeping(world, word)
    keepers = world.one.keepers()
    for keeper in keepers:
        keeper.suspend()
    runs = [world.trigger("sleeping") for _ in keepers]
    for run in runs:
        world.await_phase(run, "preparing")

    for force, run in zip((False, True), runs, strict=True):
        assert world.stop(run, force=force, reason="because").status == 202
    for keeper in keepers:
        keeper.resume()

    for run in runs:
        assert await_truth(world, run).stop_outcome is StopOutcome.NEVER_STARTED


def test_a_stop_between_dequeue_and_claim(roomy_world, word):
    """Postgres is silent towards the runner, which has the job in hand."""
    world = roomy_world
    declare_sleeping(world, word)
    world.one.postgres.black_hole()
    run = world.trigger("sleeping")
    with world.redis() as redis:
        wait_until(lambda: not queue.waiting(redis))

    stopped = world.stop(run, reason="because")
    world.one.postgres.restore()

    assert (stopped.status, stopped.json["state"]) == (202, "stopped")
    assert await_truth(world, run).stop_outcome is StopOutcome.NEVER_STARTED
    assert world.await_final(world.trigger("quick")).state is RunState.SUCCEEDED
    assert [event.kind for event in world.events(run)] == ["queued", "stopped"]


def test_a_stop_while_the_leader_waits_at_its_gate(roomy_world, word):
    """Its registration is under way and does not arrive; the bell does."""
    world = roomy_world
    declare_sleeping(world, word)
    keepers = world.one.keepers()
    for keeper in keepers:
        keeper.suspend()
    run = world.trigger("sleeping")
    world.await_phase(run, "preparing")
    world.one.postgres.black_hole()
    for keeper in keepers:
        keeper.resume()
    wait_until(lambda: world.family(run))

    world.stop(run, reason="because")
    wait_until(lambda: world.family(run) == [])
    world.one.postgres.restore()

    assert await_truth(world, run).stop_outcome is StopOutcome.NEVER_STARTED


def test_a_stop_in_the_first_moments_of_a_playbook(world, word):
    """Python still starts, ansible imports, the play begins: 0 to 50 ms after the exec."""
    declare_sleeping(world, word)
    for delay, force in product(range(0, 55, 5), (False, True)):
        run = world.trigger("sleeping", web=delay % 2)
        wait_until(lambda run=run: world.find(run).phase == "playing", interval=0.001)
        wait_for(time.monotonic() + delay / 1000)

        assert world.stop(run, force=force, web=delay % 2).status == 202

        final = await_truth(world, run)
        assert final.state is RunState.STOPPED, f"after {delay} ms"
        assert signals(world, run)[0] == ("KILL" if force else "INT")
        assert running(word) == []


# At the other end

#: Ends well as soon as somebody has opened and closed the pipe.
GATED = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="ready"
    - command: cat {{ gate }}
"""


@pytest.mark.parametrize("count", [5, 10])
def test_a_stop_as_the_playbook_ends_well(roomy_world, word, tmp_path, count):
    """Fired from its last task to after its death: never is a success told of who was signalled."""
    world = roomy_world
    gate = tmp_path / word
    world.declare("gated", GATED, accepts={"gate": {"type": "string", "required": True}})
    waiting = []
    for number in range(count):
        os.mkfifo(f"{gate}.{number}")
        waiting.append(world.trigger("gated", gate=f"{gate}.{number}"))
    runs = [world.await_ready(run) for run in waiting]
    leader, seconds = linux.read(runs[0].leader_pid), 0.0
    answers = []
    for number, run in enumerate(runs):
        with open(f"{gate}.{number}", "wb"):
            opened = time.monotonic()
        if number == 0:  # this one tells how long it takes
            wait_until(lambda: linux.read(leader.pid) != leader, interval=0.001)
            seconds = time.monotonic() - opened
        wait_for(opened + seconds * number / (0.7 * count))
        answers.append(world.stop(run, force=bool(number % 2), web=number % 2))

    for run, answer in zip(runs, answers, strict=True):
        final = await_truth(world, run)
        assert answer.status in (202, 409)
        if answer.status == 409:
            assert (final.state, final.stop_requested_at) == (RunState.SUCCEEDED, None)
