"""kill -9 of anybody at any moment: the run ends once, truly, and is executed at most once."""

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from runner import queue
from runner.run import RunState, StopOutcome
from tests.proxy import Way
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # a world takes its time on a busy machine
isolated = pytest.mark.parametrize("empty_world", ["isolated"], indirect=True)


@pytest.fixture
def lone_world(empty_world):
    """One web and the runner "one" serve."""
    empty_world.start(empty_world.webs[0], empty_world.one)
    return empty_world


@pytest.fixture
def asking():
    """Calls that a test does not wait for."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit


def waiting(world):
    """The runs in RQ's queue."""
    with world.redis() as redis:
        return queue.waiting(redis)


def stays_single(world, run):
    """Wait for its success, by a single execution."""
    assert world.await_final(run).state is RunState.SUCCEEDED
    assert len(world.executions(run)) == 1


# The web


@pytest.mark.parametrize("retries", [True, False], ids=["retried", "not retried"])
def test_a_web_killed_between_insert_and_enqueue(world, asking, retries):
    web = world.webs[0]
    web.redis.black_hole()
    asked = asking(world.ask_for, "quick", key="same")
    (run,) = wait_until(world.rows)

    web.kill()

    assert isinstance(asked.exception(), ConnectionError)
    if retries:
        assert world.ask_for("quick", key="same", web=1).json["id"] == run.id
    stays_single(world, run)


def test_a_web_killed_between_enqueue_and_answer(empty_world, asking):
    world = empty_world
    world.start(*world.webs)
    asked = asking(world.ask_for, "quick", key="same", wait=30)
    (run,) = wait_until(world.rows)
    wait_until(lambda: waiting(world) == {run.id})

    world.webs[0].kill()

    assert isinstance(asked.exception(), ConnectionError)
    assert world.ask_for("quick", key="same", web=1).json["id"] == run.id
    assert waiting(world) == {run.id}
    world.start(world.one, world.two)
    stays_single(world, run)


def test_a_web_killed_while_its_insert_is_under_way(world, asking):
    """The row appears when nobody is there any more to enqueue it."""
    with world.moves_held():
        asked = asking(world.ask_for, "quick", key="same")
        world.await_held()
        world.webs[0].kill()

    assert isinstance(asked.exception(), ConnectionError)
    (run,) = wait_until(world.rows)
    assert world.ask_for("quick", key="same", web=1).json["id"] == run.id
    stays_single(world, run)


# The runner, from the queue to the gate


@pytest.mark.parametrize("is_late", [False, True], ids=["never heard of", "claimed late"])
def test_a_runner_killed_between_dequeue_and_claim(lone_world, is_late):
    """Its claim may also arrive when it is dead: the network had kept it."""
    world = lone_world
    world.one.postgres.black_hole()
    run = world.trigger("quick")
    wait_until(lambda: not waiting(world))

    world.one.kill()
    if is_late:
        world.one.postgres.restore()
    world.start(world.two)

    stays_single(world, run)


def test_a_runner_killed_before_it_hears_of_its_claim(lone_world):
    world = lone_world
    world.one.freeze()
    run = world.trigger("quick")
    with world.moves_held():
        world.one.thaw()
        world.await_held()
        world.one.postgres.black_hole(Way.TO_CLIENT)
    wait_until(lambda: world.find(run).state is RunState.RUNNING)

    world.one.kill()
    world.start(world.two)

    stays_single(world, run)


def test_a_runner_killed_between_fork_and_registration(lone_world):
    world = lone_world
    keepers = world.one.keepers()
    for keeper in keepers:
        keeper.suspend()
    run = world.trigger("quick")
    world.await_phase(run, "preparing")

    world.one.kill()
    for keeper in keepers:
        keeper.resume()
    world.start(world.two)

    stays_single(world, run)


@pytest.mark.parametrize(
    ("heir", "state", "executions"),
    [
        ("one", RunState.SUCCEEDED, 1),  # its keeper's record says that nothing has run
        ("two", RunState.LOST, 0),  # another machine cannot know
    ],
)
def test_a_runner_killed_while_it_registers(lone_world, heir, state, executions):
    """The leader waits at the gate, and is registered when its runner is dead already."""
    world = lone_world
    keepers = world.one.keepers()
    for keeper in keepers:
        keeper.suspend()
    run = world.trigger("quick")
    world.await_phase(run, "preparing")
    with world.moves_held():
        for keeper in keepers:
            keeper.resume()
        world.await_held()
        world.one.strike()
    world.one.kill()
    wait_until(lambda: world.find(run).leader_pid)

    world.start(world.runners[heir])

    assert world.await_final(run).state is state
    assert len(world.executions(run)) == executions


# The runner, with a family


@pytest.fixture
def silent_git():
    """The URL of a repository whose server never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"https://127.0.0.1:{server.getsockname()[1]}/ops.git"


def test_a_runner_killed_while_a_clone_hangs(lone_world, silent_git):
    world = lone_world
    source = {"repository": silent_git, "ref": "main", "path": "site.yml"}
    world.declare("hanging", playbook=source)
    run = world.trigger("hanging")
    wait_until(lambda: len(world.family(run)) > 1)

    world.one.kill()
    wait_until(lambda: world.family(run) == [])
    world.start(world.one)

    assert world.await_final(run).state is RunState.INTERRUPTED
    assert world.executions(run) == []


@pytest.mark.parametrize("name", ["sleeping", "ignoring", "setsid", "double-fork", "async"])
def test_a_runner_killed_while_it_plays_and_started_again(lone_world, name):
    world = lone_world
    run = world.await_ready(world.trigger(name))

    world.one.kill()
    world.start(world.one)

    assert world.await_final(run).state is RunState.INTERRUPTED
    assert world.family(run) == []
    assert len(world.executions(run)) == 1


def test_a_runner_killed_while_it_plays_and_gone_for_good(world):
    run = world.await_ready(world.trigger("sleeping"))

    world.runners[run.machine].kill()

    assert world.await_final(run).state is RunState.LOST
    assert world.family(run) == []


def test_a_runner_killed_between_terminate_and_kill_of_a_stop(lone_world):
    world = lone_world
    world.declare("ignoring", grace=30)
    run = world.await_ready(world.trigger("ignoring"))
    wait_until(lambda: any("trap" in each.command for each in world.family(run)))
    world.stop(run, reason="because")
    wait_until(lambda: "TERM" in str(world.events(run, "signalled")))

    world.one.kill()
    world.start(world.one)

    final = world.await_final(run)
    assert final.state is RunState.STOPPED
    assert (final.stop_requested_by, final.stop_reason) == ("admin", "because")
    assert world.family(run) == []


# The runner, after the end of ansible


def test_a_runner_killed_between_the_end_of_ansible_and_the_final_row(lone_world):
    world = lone_world
    run = world.await_ready(world.trigger("brief"))
    world.one.postgres.black_hole()
    wait_until(lambda: world.family(run) == [])

    world.one.kill()
    world.one.postgres.restore()
    world.start(world.one)

    final = world.await_final(run)
    assert (final.state, final.exit_code) == (RunState.SUCCEEDED, 0)
    assert len(world.executions(run)) == 1


def test_a_runner_killed_while_it_writes_the_final_row(lone_world):
    world = lone_world
    run = world.await_ready(world.trigger("brief"))
    with world.moves_held():
        wait_until(lambda: world.family(run) == [])
        world.await_held()
        world.one.kill()
    world.start(world.one)

    final = world.await_final(run)
    assert (final.state, final.exit_code) == (RunState.SUCCEEDED, 0)


@pytest.mark.parametrize(
    ("name", "state", "code"),
    [("brief", RunState.SUCCEEDED, 0), ("unhappy", RunState.FAILED, 2)],
)
def test_a_playbook_that_ended_while_its_runner_was_down(lone_world, name, state, code):
    """The keeper has written down how it ended."""
    world = lone_world
    unhappy = "- hosts: all\n  tasks:\n    - debug: msg=ready\n    - shell: sleep 1; exit 3\n"
    world.declare("unhappy", unhappy)
    run = world.await_ready(world.trigger(name))
    world.one.freeze()
    wait_until(lambda: world.family(run) == [])

    world.one.kill()
    world.start(world.one)

    final = world.await_final(run)
    assert (final.state, final.exit_code) == (state, code)


# The watchdog


@pytest.mark.parametrize("is_heard", [True, False], ids=["its verdict arrives", "it does not"])
def test_a_watchdog_killed_in_the_middle_of_a_verdict(lone_world, is_heard):
    world = lone_world
    run = world.await_ready(world.trigger("sleeping"))
    world.start(world.watchdog)
    world.one.kill()
    with world.moves_held():
        world.await_held()
        if not is_heard:
            world.drop_connections()
        world.watchdog.strike()
    world.watchdog.kill()

    world.start(world.two)

    assert world.await_final(run).state is RunState.LOST
    assert world.family(run) == []


def test_a_watchdog_killed_after_it_has_adopted(lone_world):
    """The one inside of a runner that was started again, and is killed again."""
    world = lone_world
    run = world.await_ready(world.trigger("sleeping"))
    world.one.kill()
    wait_until(lambda: world.family(run) == [])
    with world.moves_held():
        world.start(world.one)
        world.await_held()
        world.one.strike()
    world.one.kill()
    wait_until(lambda: world.events(run, "adopted"))

    world.start(world.one)

    assert world.await_final(run).state is RunState.INTERRUPTED


# Others


def test_a_leader_killed_alone(lone_world):
    world = lone_world
    run = world.await_ready(world.trigger("setsid"))

    os.kill(run.leader_pid, signal.SIGKILL)

    final = world.await_final(run)
    assert (final.state, final.exit_code) == (RunState.FAILED, -signal.SIGKILL)
    assert world.family(run) == []


def test_a_keeper_and_its_runner_killed_at_once(lone_world):
    world = lone_world
    run = world.await_ready(world.trigger("double-fork"))

    os.kill(run.keeper_pid, signal.SIGSTOP)  # it shall not be the one who ends them
    world.one.kill()
    os.kill(run.keeper_pid, signal.SIGKILL)
    world.start(world.one)

    assert world.await_final(run).state is RunState.INTERRUPTED
    assert world.family(run) == []


def test_one_worker_of_ansible_killed(lone_world):
    world = lone_world
    run = world.await_ready(world.trigger("sleeping"))
    workers = wait_until(lambda: psutil.Process(run.leader_pid).children())

    workers[0].kill()

    assert world.await_final(run).state is RunState.FAILED
    assert world.family(run) == []


@isolated
def test_a_container_that_is_lost(world):
    run = world.await_ready(world.trigger("double-fork"))
    lost = world.runners[run.machine]

    lost.kill()

    wait_until(lambda: world.living() == {})  # the kernel ends a namespace when its first has died
    assert world.await_final(run).state is RunState.LOST


@isolated
def test_a_container_that_is_lost_and_comes_back_as_another_machine(lone_world):
    """Same name, another boot: nothing that its row tells of pids is believed."""
    world = lone_world
    run = world.await_ready(world.trigger("sleeping"))
    world.one.kill()

    world.start(world.one)

    final = world.await_final(run)
    assert final.state is RunState.LOST
    assert final.boot != world.conn.execute("SELECT boot FROM runners").fetchall()[-1]["boot"]


def test_everybody_killed_at_once(world):
    playing = world.await_ready(world.trigger("ignoring"))
    stopping = world.await_ready(world.trigger("ignoring"))
    world.stop(stopping, reason="because")

    for container in (*world.webs, world.one, world.two):
        container.kill()
    for runner in (world.one, world.two):
        runner.start(RUNNER_LEASE="30")  # neither gives the other up while both come back

    assert world.await_final(playing).state is RunState.INTERRUPTED
    assert world.await_final(stopping).state is RunState.STOPPED
    assert world.find(stopping).stop_outcome in (StopOutcome.KILLED, StopOutcome.TERMINATED)
    assert world.living() == {}
