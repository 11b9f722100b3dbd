"""Faults of the Procfile's processes, and of those of runs."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from random import Random

import psutil

from tests.faults.container import LEASE, Container
from tests.faults.soak.kinds import DEAD, FAILED, INTERRUPTED, LOST, MOMENT, OUTAGE, fault, up
from tests.faults.world import World

# The web


@fault("web", DEAD)
def web_killed(world: World, random: Random) -> Iterator[None]:
    """Master and worker at once."""
    random.choice(world.webs).kill()
    yield


@fault("web")
def web_worker_killed(world: World, random: Random) -> Iterator[None]:
    """Its master starts another."""
    _kill_one(random, psutil.Process(random.choice(world.webs).pid).children())
    yield


@fault("web", DEAD)
def web_master_killed(world: World, random: Random) -> Iterator[None]:
    """The worker finds out by itself."""
    web = random.choice(world.webs)
    os.kill(web.pid, signal.SIGKILL)
    yield
    web.bury()


@fault("web", OUTAGE)
def web_frozen(world: World, random: Random) -> Iterator[None]:
    """It accepts, and answers nobody."""
    web = random.choice(world.webs)
    web.freeze()
    yield
    web.thaw()


# The runner and what is below it


@fault("runner", DEAD, INTERRUPTED, LOST, isolated=False)
def runner_killed(world: World, random: Random) -> Iterator[None]:
    """Its keepers live on and end their families."""
    random.choice(list(world.runners.values())).kill()
    yield


@fault("runner", DEAD, LOST, INTERRUPTED, isolated=True)
def container_killed(world: World, random: Random) -> Iterator[None]:
    """The runner and all that it has started, on a machine that never comes back."""
    random.choice(list(world.runners.values())).kill()
    yield


@fault("runner", DEAD, INTERRUPTED, LOST, isolated=False)
def both_runners_killed(world: World, random: Random) -> Iterator[None]:
    """Nobody is left to take runs."""
    for runner in world.runners.values():
        runner.kill()
    yield


@fault("runner", DEAD, INTERRUPTED)
def runner_terminated(world: World, random: Random) -> Iterator[None]:
    """As a platform does; it settles its runs and ends well."""
    _terminate([random.choice(list(world.runners.values()))])
    yield


@fault("runner", (0.1, 0.3 * LEASE))
def runner_frozen_for_a_moment(world: World, random: Random) -> Iterator[None]:
    """For less than is left of any lease."""
    runner = random.choice(list(world.runners.values()))
    runner.freeze()
    yield
    runner.thaw()


@fault("runner", (LEASE, 2.5 * LEASE), INTERRUPTED, LOST)
def runner_frozen_past_its_lease(world: World, random: Random) -> Iterator[None]:
    """Others settle its runs; thawed, it must not write over that."""
    runner = random.choice(list(world.runners.values()))
    runner.freeze()
    yield
    runner.thaw()


@fault("family", MOMENT, FAILED)
def keeper_killed(world: World, random: Random) -> Iterator[None]:
    """One of a run that plays; its runner sweeps the family."""
    _kill_one(random, _busy_keepers(world))
    yield


@fault("family", MOMENT, FAILED)
def leader_killed(world: World, random: Random) -> Iterator[None]:
    """By a stranger."""
    _kill_one(random, _leaders(world))
    yield


@fault("family", MOMENT, FAILED)
def worker_of_ansible_killed(world: World, random: Random) -> Iterator[None]:
    """By a stranger, too."""
    _kill_one(random, [worker for leader in _leaders(world) for worker in _below(leader)])
    yield


@fault("watchdog", DEAD)
def watchdog_killed(world: World, random: Random) -> Iterator[None]:
    """One of those that are alone in their process."""
    random.choice(world.watchdogs).kill()
    yield


@fault("watchdog", OUTAGE)
def watchdog_frozen(world: World, random: Random) -> Iterator[None]:
    """It may hold the lock that all watchdogs want; thawed, it has seen nothing for a while."""
    watchdog = random.choice(world.watchdogs)
    watchdog.freeze()
    yield
    watchdog.thaw()


@fault("everything", MOMENT, INTERRUPTED)
def all_terminated(world: World, random: Random) -> Iterator[None]:
    """SIGTERM to every process of the Procfile at once."""
    _terminate(up(world))
    yield


@fault("everything", DEAD, INTERRUPTED, LOST)
def all_killed(world: World, random: Random) -> Iterator[None]:
    """As a machine that loses power, but for the servers."""
    for container in up(world):
        container.kill()
    yield


def _terminate(containers: list[Container]) -> None:
    """SIGTERM to all; each must end well."""
    for container in containers:
        container.send(signal.SIGTERM)
    codes = {container.name: container.await_end() for container in containers}
    assert not any(codes.values()), f"after SIGTERM they ended with {codes}"


def _busy_keepers(world: World) -> list[psutil.Process]:
    living = [runner for runner in world.runners.values() if runner.is_alive]
    return [keeper for runner in living for keeper in runner.keepers() if _below(keeper)]


def _leaders(world: World) -> list[psutil.Process]:
    return [leader for keeper in _busy_keepers(world) for leader in _below(keeper)[:1]]


def _below(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return [child for child in process.children() if child.status() != psutil.STATUS_ZOMBIE]
    return []


def _kill_one(random: Random, processes: list[psutil.Process]) -> None:
    """Kill one of them, if there is one, and if it does not end first."""
    for process in random.sample(processes, min(1, len(processes))):
        with suppress(psutil.NoSuchProcess):
            process.kill()
