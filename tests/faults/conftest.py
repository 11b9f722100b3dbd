"""A world for a test; whatever the test did to it, no lie may be found in it afterwards."""

import secrets
from collections.abc import Iterator

import pytest

from tests.audit import running
from tests.faults.checks import violations
from tests.faults.container import isolation
from tests.faults.world import World, make_world

#: Scenarios that every run of the tests plays, one variant of each. A world takes a core seconds:
#: all of them (`-m wide` plays the others) take longer than the tests of everything else.
ALWAYS = {
    "test_a_web_killed_between_insert_and_enqueue",
    "test_a_runner_killed_while_it_registers",
    "test_a_runner_killed_between_terminate_and_kill_of_a_stop",
    "test_a_watchdog_killed_in_the_middle_of_a_verdict",
    "test_a_container_that_is_lost",
    "test_what_redis_forgets_is_done_nevertheless",
    "test_postgres_is_a_black_hole_for_one_runner",
    "test_a_runner_that_thaws_after_the_verdict_does_not_write_over_it",
    "test_a_stop_as_the_playbook_ends_well",
    "test_a_run_with_a_survivor_is_never_called_stopped",
    "test_after_a_reboot_numbers_are_strangers",
}


def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """Mark the other scenarios and variants as wide."""
    played: set[str] = set()
    for item in items:
        if "empty_world" not in item.fixturenames:
            continue
        if item.originalname not in ALWAYS or item.originalname in played:
            item.add_marker(pytest.mark.wide)
        played.add(item.originalname)


@pytest.fixture
def empty_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """A world in which nothing was started; `isolated` as its parameter makes real machines."""
    is_isolated = getattr(request, "param", None) == "isolated"
    if is_isolated and isolation() is None:
        pytest.skip("this machine lets nobody make a PID namespace")
    with make_world(is_isolated=is_isolated) as world:
        yield world
        try:
            world.recover()
            world.await_rest()
            lies = violations(world)
            world.stop_all()
            living = world.living()
        finally:
            print(world.logs())
        assert not lies, "\n".join(lies)
        assert living == {}


@pytest.fixture
def world(empty_world: World) -> World:
    """A world in which two webs and two runners serve."""
    empty_world.start()
    return empty_world


@pytest.fixture
def roomy_world(empty_world: World) -> World:
    """Two webs and the runner "one" serve; it has room for ten."""
    empty_world.one.start(RUNNER_SLOTS="10")
    empty_world.start(*empty_world.webs)
    empty_world.one.await_ready()
    return empty_world


@pytest.fixture
def word(empty_world: World) -> Iterator[str]:
    """A number of seconds like no other, for the command line of what a run starts.

    Nobody may live with it when a test has seen the ends of its runs: no mark and no brand is
    needed to find him.
    """
    seconds = f"300.{secrets.randbelow(10**9):09}"
    yield seconds
    assert running(seconds) == []
