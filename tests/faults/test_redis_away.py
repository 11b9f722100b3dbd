"""Redis forgets, goes away, is slow or lies: runs, stops and ends stay what Postgres says."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psutil
import pytest

from runner import keys
from runner.run import RunState
from tests.faults.container import LEASE
from tests.faults.outages import (
    away,
    holder_and_other,
    restart_empty,
    stay_single,
    waiting,
)
from tests.proxy import Way
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # a world takes its time on a busy machine


@pytest.fixture
def lone_world(empty_world):
    """One web and the runner "one" serve."""
    empty_world.start(empty_world.webs[0], empty_world.one)
    return empty_world


@pytest.fixture
def narrow_world(empty_world):
    """Two webs and a runner with a single slot serve: what else is triggered waits."""
    empty_world.start(*empty_world.webs)
    empty_world.one.start(RUNNER_SLOTS="1")
    empty_world.one.await_ready()
    return empty_world


@pytest.fixture
def asking():
    """Calls that a test does not wait for."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit


@pytest.fixture
def stranger():
    """A process that has nothing to do with any run."""
    process = subprocess.Popen(["sleep", "300"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def is_stopped(world, run):
    """Wait for its end, which must be that of a stop that left nobody."""
    assert world.await_final(run).state is RunState.STOPPED
    assert world.family(run) == []


# It forgets


def flush(world):
    with world.redis() as redis:
        redis.flushall()


@pytest.mark.parametrize("forget", [flush, restart_empty])
def test_what_redis_forgets_is_done_nevertheless(narrow_world, forget):
    world = narrow_world
    playing = world.await_ready(world.trigger("sleeping"))
    queued = [world.trigger("quick", web=web) for web in (0, 1)]
    wait_until(lambda: waiting(world) == {run.id for run in queued})

    forget(world)

    with world.redis() as redis:
        wait_until(lambda: redis.exists(keys.group(playing.id)))
    world.stop(playing, web=1)
    is_stopped(world, playing)
    stay_single(world, queued)


# It is away


def test_redis_is_away_over_heartbeats_and_an_end(world):
    """For two leases; what was triggered meanwhile is played when it is back."""
    ending = world.await_ready(world.trigger("brief"))
    lasting = world.await_ready(world.trigger("sleeping", web=1))
    with away(world):
        since = world.find(lasting).heartbeat_at
        queued = world.trigger("quick")
        assert world.await_final(ending).state is RunState.SUCCEEDED
        late = since + timedelta(seconds=2 * LEASE)
        wait_until(lambda: world.find(lasting).heartbeat_at > late)
        shown = world.webs[1].client.call("GET", f"/runs/{lasting.id}").json
        assert (shown["state"], shown["stale"]) == ("running", False)
        assert world.find(queued).state is RunState.QUEUED

    stay_single(world, [queued])
    world.stop(lasting)
    is_stopped(world, lasting)


def test_a_stop_by_either_web_with_redis_down(world):
    first = world.await_ready(world.trigger("sleeping"))
    second = world.await_ready(world.trigger("ignoring", web=1))
    with away(world):
        assert world.stop(first, reason="enough").status == 202
        assert world.stop(second, force=True, web=1).status == 202

        is_stopped(world, first)
        is_stopped(world, second)


def test_redis_is_a_black_hole_for_all(world, asking):
    lasting = world.await_ready(world.trigger("sleeping"))
    ending = world.await_ready(world.trigger("brief"))
    for container in world.containers:
        container.redis.black_hole()

    stopped = asking(world.stop, lasting)
    triggered = asking(world.ask_for, "quick", key="late", web=1)

    is_stopped(world, lasting)
    assert world.await_final(ending).state is RunState.SUCCEEDED
    assert stopped.result().status == 202
    assert triggered.result().status == 202
    queued = world.rows()[-1]
    assert queued.state is RunState.QUEUED
    for container in world.containers:
        container.redis.restore()
    stay_single(world, [queued])


def test_redis_is_a_black_hole_for_one_runner(world):
    lasting = world.await_ready(world.trigger("sleeping"))
    holder, other = holder_and_other(world, lasting)
    holder.redis.black_hole()

    fresh = [world.trigger("quick") for _ in range(2)]

    stay_single(world, fresh)
    assert {world.find(run).machine for run in fresh} == {other.machine}
    world.stop(lasting)
    is_stopped(world, lasting)


def test_a_job_whose_taker_never_hears_of_it_is_given_to_another(world):
    """Redis has handed it out, and the network has kept the answer."""
    world.one.freeze()
    world.two.freeze()
    run = world.trigger("quick")
    world.one.redis.black_hole(Way.TO_CLIENT)
    world.one.thaw()
    wait_until(lambda: run.id not in waiting(world))

    world.two.thaw()

    stay_single(world, [run])
    assert world.find(run).machine == world.two.machine


def test_redis_answers_half_a_second_late(world):
    for container in world.containers:
        container.redis.delay(0.5)

    ending = world.trigger("quick")
    lasting = world.trigger("sleeping", web=1)
    wait_until(lambda: b"ready" in world.output(lasting), timeout=90)
    world.stop(lasting)

    is_stopped(world, lasting)
    stay_single(world, [ending])


@pytest.mark.parametrize("is_for_good", [False, True], ids=["cut once", "cut for good"])
def test_a_stop_when_only_the_connection_of_the_bell_is_cut(lone_world, is_for_good):
    """The web rings it, and everything else at Redis goes on."""
    world = lone_world
    run = world.await_ready(world.trigger("sleeping"))
    with world.redis() as redis:
        if is_for_good:
            redis.execute_command("ACL", "SETUSER", "default", "-xread")
        for client in redis.client_list():
            if client["cmd"] == "xread":
                redis.client_kill_filter(_id=client["id"])

        assert world.stop(run).status == 202

        is_stopped(world, run)
        redis.execute_command("ACL", "SETUSER", "default", "+xread")


# It lies


def poison(world, run, pid):
    """Let the registry say that *pid* is the leader and the keeper of *run*; None: no hash."""
    key = keys.group(run.id)
    with world.redis() as redis:
        wait_until(lambda: redis.exists(key))
        if pid is None:
            redis.set(key, "1", keepttl=True)
        else:
            redis.hset(key, mapping={"leader": pid, "keeper": pid, "created": 0})


@pytest.mark.parametrize("empty_world", ["isolated"], indirect=True)
def test_nothing_that_the_registry_says_is_signalled(lone_world):
    """1 is the runner itself in its namespace; 0 its group, and -1 everybody there is."""
    world = lone_world
    poisoned = {pid: world.trigger("sleeping") for pid in (0, 1, -1, None)}
    runner = psutil.Process(world.one.pid)
    for pid, run in poisoned.items():
        world.await_ready(run)
        poison(world, run, pid)

    for run in poisoned.values():
        assert world.stop(run).status == 202

    for run in poisoned.values():
        is_stopped(world, run)
    assert runner.is_running()


def test_a_stranger_in_the_registry_stays_alive(lone_world, stranger):
    world = lone_world
    stopped = world.await_ready(world.trigger("sleeping"))
    orphaned = world.await_ready(world.trigger("sleeping"))
    for run in (stopped, orphaned):
        poison(world, run, stranger.pid)

    world.stop(stopped)
    is_stopped(world, stopped)
    poison(world, orphaned, stranger.pid)
    world.one.kill()
    world.start(world.one)

    assert world.await_final(orphaned).state is RunState.INTERRUPTED
    assert stranger.poll() is None
