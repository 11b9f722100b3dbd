"""Watchdogs beside each other, frozen ones, and a platform that moves and ends containers."""

import signal
import socket

import pytest

from runner.run import RunState, StopOutcome
from tests import playbooks
from tests.faults.container import LEASE
from tests.faults.crowd import crowd
from tests.faults.outages import holder_and_other, let_pass, stay_single
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # a world takes its time on a busy machine
isolated = pytest.mark.parametrize("empty_world", ["isolated"], indirect=True)


# Watchdogs


def has_watch(world, container):
    """Whether it looks after all machines."""
    row = world.conn.execute("SELECT holder FROM watch WHERE expires_at > now()").fetchone()
    return row is not None and f".{container.pid}." in row["holder"]


@pytest.fixture
def watched_world(empty_world):
    """Two watchdogs stand beside the runners' own, and the first has the watch."""
    world = empty_world
    world.start(*world.webs, world.watchdog)
    wait_until(lambda: has_watch(world, world.watchdog))
    world.start(*world.watchdogs[1:], world.one, world.two)
    return world


def test_two_watchdogs_beside_those_of_the_runners(watched_world):
    """One run is lost, another one forgotten: each is found by whoever is first, once."""
    world = watched_world
    lost = world.await_ready(world.trigger("sleeping"))
    holder, other = holder_and_other(world, lost)
    other.freeze()
    holder.kill()
    forgotten = world.trigger("quick")
    with world.redis() as redis:
        redis.flushall()
    other.thaw()

    assert world.await_final(lost).state is RunState.LOST
    stay_single(world, [forgotten])
    assert len(world.events(lost, "lost")) == 1


@pytest.mark.parametrize("is_heard", [True, False], ids=["its verdict arrives", "it does not"])
def test_a_watchdog_that_hangs_in_its_round_for_longer_than_its_lease(watched_world, is_heard):
    """Another one takes the watch; the first one, when it goes on, condemns nobody."""
    world = watched_world
    hung = world.watchdog
    lost = world.await_ready(world.trigger("sleeping"))
    holder, second = holder_and_other(world, lost)
    second.freeze()
    holder.kill()
    second.thaw()
    playing = world.await_ready(world.trigger("sleeping"))
    with world.moves_held():
        world.await_held()
        hung.freeze()
        if not is_heard:
            world.drop_connections()
    assert world.await_final(lost).state is RunState.LOST
    wait_until(lambda: not has_watch(world, hung))
    let_pass(1)

    hung.thaw()

    stay_single(world, [world.trigger("quick")])
    assert len(world.events(lost, "lost")) == 1
    assert world.find(playing).state is RunState.RUNNING
    world.stop(playing)
    assert world.await_final(playing).state is RunState.STOPPED
    assert hung.terminate() == 0


# Runners that stood still


def await_late(world, run):
    """Wait until its runner has said its last word on a run that is over."""
    return wait_until(lambda: (now := world.find(run)).late_result and now)


@isolated
@pytest.mark.parametrize(
    ("name", "state", "message"),
    [
        ("sleeping", "interrupted", "its lease had run out, so its family was ended"),
        ("brief", "succeeded", "the playbook ended well"),
    ],
)
def test_a_runner_that_thaws_after_the_verdict_does_not_write_over_it(world, name, state, message):
    """It ends its family, if that has not ended by itself, and what it says is kept beside."""
    run = world.await_ready(world.trigger(name))
    holder, _ = holder_and_other(world, run)
    holder.freeze()
    final = world.await_final(run)
    printed = world.output(run)
    assert final.state is RunState.LOST
    if name == "brief":
        wait_until(lambda: world.family(run) == [])

    holder.thaw()

    now = await_late(world, run)
    assert world.living() == {}
    assert (now.late_result["state"], now.late_result["message"]) == (state, message)
    assert (now.state, now.message, now.finished_at, now.output_complete) == (
        RunState.LOST,
        final.message,
        final.finished_at,
        False,
    )
    assert world.output(run) == printed
    stay_single(world, [world.trigger("quick")])


@pytest.mark.parametrize("name", ["sleeping", "ignoring", "double-fork"])
def test_a_stop_while_its_runner_stands_still_is_done_by_a_watchdog_beside_it(empty_world, name):
    """Nobody lives when the row says so; what the runner says when it thaws is too late."""
    world = empty_world
    world.start(world.webs[0], world.one)
    world.watchdog.start(RUNNER_MACHINE=world.one.machine)
    run = world.await_ready(world.trigger(name))
    world.one.freeze()
    world.stop(run, reason="because")
    final = world.await_final(run)
    printed = world.output(run)
    assert final.state is RunState.STOPPED
    assert world.living() == {}

    world.one.thaw()

    now = await_late(world, run)
    assert (now.state, now.message, now.finished_at) == (
        RunState.STOPPED,
        final.message,
        final.finished_at,
    )
    assert world.output(run) == printed
    stay_single(world, [world.trigger("quick")])


# The platform


def kill(container):
    container.kill()


def terminate(container):
    assert container.terminate() == 0


@pytest.mark.parametrize(
    ("empty_world", "end", "state"),
    [
        ("shared", kill, RunState.INTERRUPTED),  # the new one sees that the old one is dead
        ("shared", terminate, RunState.INTERRUPTED),
        ("isolated", kill, RunState.LOST),  # nobody can look into another container
        ("isolated", terminate, RunState.INTERRUPTED),
    ],
    indirect=["empty_world"],
)
def test_an_old_and_a_new_container_overlap(empty_world, end, state):
    """Both call themselves the same machine; the new one goes on with what may be repeated."""
    world = empty_world
    old, new = world.one, world.two
    new.machine = old.machine
    world.declare("repeated", playbooks.SLEEPING, on_interrupt="requeue")
    world.start(world.webs[0])
    old.start(RUNNER_SLOTS="2")
    old.await_ready()
    of_old = [world.await_ready(world.trigger(name)) for name in ("sleeping", "repeated")]
    world.start(new)
    of_new = world.await_ready(world.trigger("sleeping"))
    let_pass(1)
    assert {world.find(run).state for run in (*of_old, of_new)} == {RunState.RUNNING}

    end(old)

    once, repeated = of_old
    assert world.await_final(once).state is state
    if state is RunState.INTERRUPTED:
        wait_until(lambda: len(world.executions(repeated)) == 2)
        world.stop(repeated)
    else:
        assert world.await_final(repeated).state is state
    stay_single(world, [world.trigger("quick")])
    world.stop(of_new)
    assert world.await_final(of_new).state is RunState.STOPPED


@pytest.fixture
def silent_git():
    """The URL of a repository whose server never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}/ops.git"


def commands(world, run):
    return [member.command for member in world.family(run)]


@pytest.mark.parametrize(
    ("empty_world", "drain"),
    [
        ("shared", "0"),  # the runner asks ansible, too
        ("isolated", "2"),  # what ends a playbook is the platform alone
    ],
    indirect=["empty_world"],
)
def test_the_platform_ends_everybody_and_starts_all_again(empty_world, drain, silent_git):
    """SIGTERM to every process, again after a second; after thirty nobody is left to be killed."""
    world = empty_world
    world.declare("ignoring", grace=60)
    world.declare("hanging", playbook={"repository": silent_git, "ref": "main", "path": "site.yml"})
    world.start(*world.webs, world.watchdog)
    for runner, slots in ((world.one, "3"), (world.two, "1")):
        runner.start(RUNNER_SLOTS=slots, RUNNER_SHUTDOWN_GRACE="2", RUNNER_DRAIN=drain)
        runner.await_ready()
    preparing = world.trigger("hanging")
    playing = [world.await_ready(world.trigger(name)) for name in ("sleeping", "double-fork")]
    stopping = world.await_ready(world.trigger("ignoring"))
    queued = world.trigger("quick")
    wait_until(lambda: "sleep 1" in commands(world, stopping))  # it is deaf by now
    wait_until(lambda: len(world.living().get(preparing.id, ())) > 1)
    world.stop(stopping, reason="because")
    wait_until(lambda: "TERM" in str(world.events(stopping, "signalled")))

    everybody = [each for each in world.containers if each.is_alive]
    with crowd() as there:
        there.take_in(everybody, world.installation)
        assert there.send(signal.SIGTERM) > len(everybody)
        let_pass(1 / LEASE)
        there.take_in(everybody, world.installation)
        there.send(signal.SIGTERM)
        wait_until(lambda: not there.left(), timeout=29)
    codes = {container.name: container.await_end() for container in everybody}

    assert set(codes.values()) == {0}, codes
    assert world.living() == {}
    assert {world.find(run).state for run in (*playing, preparing)} == {RunState.INTERRUPTED}
    assert world.find(stopping).state is RunState.STOPPED
    assert world.find(stopping).stop_outcome is StopOutcome.KILLED
    assert world.find(queued).state is RunState.QUEUED
    world.start()
    stay_single(world, [queued])
    assert [len(world.executions(run)) for run in (*playing, preparing, stopping)] == [1, 1, 0, 1]
