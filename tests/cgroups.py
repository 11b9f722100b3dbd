"""The cgroup hierarchies of this machine, as far as the tests may use them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from runner.cgroup import Group, groups
from runner.containment import try_out
from runner.hierarchy import mounted
from tests.waiting import wait_until

#: What a hierarchy is called here, for the ids of tests: "" is version 2.
CONTROLLERS = pytest.mark.parametrize(
    "controller", ["", "freezer", "pids"], ids=["v2", "v1-freezer", "v1-pids"]
)


@cache
def parent_in(controller: str) -> Path | None:
    """Our own group in the hierarchy of that controller. None where it cannot be used."""
    for hierarchy in mounted():
        if hierarchy.controller == controller and try_out(hierarchy) is None:
            return Path(str(hierarchy.own))
    return None


def require_parent_in(controller: str) -> Path:
    """Our own group in that hierarchy; skip the test where it cannot be used."""
    parent = parent_in(controller)
    if parent is None:
        pytest.skip(f"no cgroup {controller or 'v2'} hierarchy may be written to here")
    return parent


@contextmanager
def cleared(installation: str) -> Iterator[None]:
    """Kill and remove at last whatever groups a failed test has left."""
    yield
    for _, _, group in groups(installation):
        wait_until(lambda group=group: group.kill() == [] and group.is_empty())
        assert group.remove()


def groups_of(installation: str) -> list[Group]:
    """The groups of an installation, in whichever hierarchy."""
    return [group for _, _, group in groups(installation)]
