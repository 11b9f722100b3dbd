"""Stops by many at once, and of a run that is queued again meanwhile."""

import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from jobs import runs as jobs
from runner import linux
from runner.run import RunState, StopOutcome
from runner.store import stops
from tests import playbooks
from tests.audit import running
from tests.faults.stopping import await_truth, declare_sleeping, signals, wait_for
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # a world takes its time on a busy machine

CALLERS = 50
MANY = 1000


def test_a_thousand_stops_by_fifty_callers(world, word):
    """Most of the runs wait; ten play at a time, and others are claimed while the stops come."""
    declare_sleeping(world, word)
    with ThreadPoolExecutor(CALLERS) as callers:
        triggered = callers.map(
            lambda number: world.ask_for("sleeping", web=number % 2), range(MANY)
        )
        assert Counter(answer.status for answer in triggered) == {202: MANY}
        runs = world.rows()
        random.shuffle(runs)

        stopped = callers.map(
            lambda run: world.stop(run, force=run.id % 3 == 0, reason="all", web=run.id % 2), runs
        )

        assert Counter(answer.status for answer in stopped) == {202: MANY}
    live = "SELECT count(*) AS live FROM runs WHERE finished_at IS NULL"
    wait_until(lambda: world.conn.execute(live).fetchone()["live"] == 0, timeout=120, interval=0.1)
    outcomes = Counter(run.stop_outcome for run in world.rows())
    assert {run.state for run in world.rows()} == {RunState.STOPPED}
    assert outcomes[StopOutcome.NEVER_STARTED] > MANY / 2
    assert outcomes[StopOutcome.TOO_LATE] == 0
    assert world.living() == {}


def test_a_stop_and_then_a_force_by_another(roomy_world, word):
    """Who and when of both are on the run; the grace is cut short."""
    world = roomy_world
    world.declare("ignoring", playbooks.IGNORING.replace("sleep 1", f"sleep {word}"), grace=300)
    run = world.trigger("ignoring")
    wait_until(lambda: f"sleep {word}" in map(linux.command, running(word)))
    world.stop(run, reason="gently")
    wait_until(lambda: "TERM" in signals(world, run))

    forced = stops.request_stop(world.conn, run.id, by="grace", reason="now", force=True)
    with world.redis() as redis:
        jobs.ring_stop(redis, forced)

    final = await_truth(world, run)
    told = world.webs[1].client.call("GET", f"/runs/{run.id}").json["stop"]
    assert (told["by"], told["reason"], told["forced_by"]) == ("admin", "gently", "grace")
    assert told["requested_at"] < told["forced_at"]
    assert final.stop_outcome is StopOutcome.KILLED
    assert final.stop_seconds < 60
    asked = [event for event in world.events(run) if event.kind.endswith("_requested")]
    assert [(event.kind, event.actor) for event in asked] == [
        ("stop_requested", "admin"),
        ("force_requested", "grace"),
    ]


def test_a_stop_by_both_webs_at_once(roomy_world, word):
    world = roomy_world
    declare_sleeping(world, word)
    forces = [(False, False), (False, True), (True, True)]
    runs = [world.trigger("sleeping") for _ in forces]
    for run in runs:
        world.await_ready(run)
    barrier = Barrier(2 * len(runs))

    def stop(run, force, web):
        barrier.wait()
        return world.stop(run, force=force, web=web).status

    with ThreadPoolExecutor(2 * len(runs)) as callers:
        asked = [
            callers.submit(stop, run, force, web)
            for run, pair in zip(runs, forces, strict=True)
            for web, force in enumerate(pair)
        ]
    # 409: the other one was heard, and obeyed, before.
    assert {each.result() for each in asked} <= {202, 409}
    for run, pair in zip(runs, forces, strict=True):
        assert await_truth(world, run).state is RunState.STOPPED
        kinds = Counter(event.kind for event in world.events(run))
        assert kinds["stop_requested"] + kinds["force_requested"] in (1, 1 + (pair[0] != pair[1]))
        assert kinds["force_requested"] <= any(pair)


# While it is queued again


#: Seconds from the shutdown to the stop.
LEADS = (-0.3, -0.02, 0.0, 0.02, 0.3)


def test_a_stop_of_a_run_that_is_queued_again(roomy_world, word):
    """Its runner is shut down before, after or as the stop comes; nobody plays it another time."""
    world = roomy_world
    declare_sleeping(world, word, on_interrupt="requeue")
    for lead in LEADS:
        runs = [world.await_ready(world.trigger("sleeping")) for _ in range(2)]
        now = time.monotonic()
        with ThreadPoolExecutor(1) as platform:
            leaving = platform.submit(_shut_down, world.one, now + max(0.0, -lead))
            wait_for(now + max(0.0, lead))
            answers = [world.stop(run, force=bool(run.id % 2), web=run.id % 2) for run in runs]
            assert leaving.result() == 0
        world.start(world.one)

        assert {answer.status for answer in answers} == {202}
        for run in runs:
            final = world.await_final(run)
            assert (final.state, final.attempt) == (RunState.STOPPED, 1), f"after {lead} s"
            assert len(world.executions(run)) == 1
        assert running(word) == []


def _shut_down(runner, moment):
    wait_for(moment)
    return runner.terminate()
