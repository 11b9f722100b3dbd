"""Targets on loopback, and a runner that tells them."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.integration.conftest import bench, playbook, runner, start
from tests.notifications.post import Post
from tests.notifications.target import Target, open_target
from tests.runners import Bench, RunnerProcess

__all__ = ["bench", "playbook", "runner", "start"]

#: Signs the callbacks of the tests.
SECRET = "whsec_" + base64.b64encode(b"the key of the tests, 32 bytes..").decode()


@pytest.fixture
def make_target() -> Iterator[Callable[[], Target]]:
    """Make targets; they end with the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(open_target())


@pytest.fixture
def target(make_target: Callable[[], Target]) -> Target:
    """One target, which takes all."""
    return make_target()


@pytest.fixture
def post(bench: Bench) -> Post:
    """Makes runs of nothing that tell, and looks at what becomes of it."""
    return Post(bench)


@pytest.fixture
def sending(start: Callable[..., RunnerProcess]) -> RunnerProcess:
    """A runner that may tell whoever is on loopback."""
    return start(CURTAIN_NOTIFY_PRIVATE="127.0.0.0/8")


@pytest.fixture
def callback(bench: Bench, target: Target) -> dict[str, str]:
    """The target as a callback."""
    bench.keep("hook", kind="webhook", url=f"{target.url}/hook/s3cret-path", secret=SECRET)
    return {"kind": "callback", "credential": "hook"}
