"""A platform for a test. Whatever it does: final rows stay, and nothing is left in any sandbox."""

import os
from collections.abc import Callable, Iterator

import pytest

from tests.sandboxes.isolation import Forbidden, isolation
from tests.sandboxes.platform import Platform, Visitor, open_platform
from tests.sandboxes.service import Service


@pytest.fixture
def platform(database_url: str, redis_url: str) -> Iterator[Platform]:
    """A platform on which nothing has been started."""
    try:
        isolation()
    except Forbidden as why:
        pytest.skip(str(why))
    start = os.environ["RUNNER_START"]
    with open_platform(database_url, redis_url, RUNNER_START=start, RUNNER_DRAIN="0") as opened:
        yield opened
        try:
            codes = opened.stop(*opened.sandboxes)
        finally:
            print(opened.logs())
        assert not any(codes.values()), codes


@pytest.fixture
def service(platform: Platform, database_url: str) -> Iterator[Service]:
    """The runs of the platform."""
    service = Service(platform, database_url)
    yield service
    platform.stop(*platform.sandboxes)
    lies, living = service.lies(), service.living()
    service.close()
    assert lies == []
    assert living == {}


@pytest.fixture
def web(platform: Platform) -> Visitor:
    """A caller of the first web."""
    platform.start("web.1")
    return platform.await_web("web.1")


@pytest.fixture
def start_runner(platform: Platform) -> Callable[..., None]:
    """Starts a runner by its name."""

    def start(name: str = "runner.1", **settings: str) -> None:
        platform.start(name, **settings)

    return start
