"""A world for a test; whatever the test did to it, no lie may be found in it afterwards."""

import secrets
from collections.abc import Iterator

import pytest

from tests.faults.audit import running
from tests.faults.checks import violations
from tests.faults.container import isolation
from tests.faults.world import World, make_world


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
def word(empty_world: World) -> Iterator[str]:
    """A number of seconds like no other, for the command line of what a run starts.

    Nobody may live with it when a test has seen the ends of its runs: no mark and no brand is
    needed to find him.
    """
    seconds = f"300.{secrets.randbelow(10**9):09}"
    yield seconds
    assert running(seconds) == []
