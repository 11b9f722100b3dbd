"""A world without faults: its playbooks are played, and no lie is found."""

import pytest

from runner.run import RunState

pytestmark = pytest.mark.timeout(300)  # a world takes its time on a busy machine


@pytest.mark.parametrize("empty_world", ["shared", "isolated"], indirect=True)
def test_a_world_without_faults_tells_no_lie(world):
    quick = world.trigger("quick")
    failing = world.trigger("failing", web=1)
    sleeping = world.trigger("sleeping")
    world.await_ready(sleeping)
    world.stop(sleeping, reason="enough", web=1)

    assert world.await_final(quick).state is RunState.SUCCEEDED
    assert world.await_final(failing).state is RunState.FAILED
    assert world.await_final(sleeping).state is RunState.STOPPED
    assert {run_id for run_id, _ in world.executions()} == {quick.id, failing.id, sleeping.id}


@pytest.mark.parametrize("empty_world", ["isolated"], indirect=True)
def test_isolated_runners_are_machines_that_do_not_see_each_other(world):
    run = world.await_ready(world.trigger("sleeping"))

    assert world.one.pid != world.two.pid
    assert len({row["boot"] for row in world.conn.execute("SELECT boot FROM runners")}) == 2
    assert run.leader_pid not in world.living()[run.id]  # it is a number of its own namespace
    world.stop(run, force=True)
