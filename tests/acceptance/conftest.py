"""What is tried from outside: the processes of the Procfile, and `python3 -m app up`."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.formation import TOKEN, Formation
from tests.living import living
from tests.ports import free_port
from tests.up import Up
from tests.waiting import wait_until


@pytest.fixture
def formation(database_url, redis_url, tmp_path):
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CURTAIN_ADMIN_TOKEN": TOKEN,
        "CURTAIN_SECRET_KEY": "s" * 32,
        "CURTAIN_DATA": str(tmp_path / "runner"),
        "RUNNER_DRAIN": "0",
        "RUNNER_MACHINE": "runner-machine",
    }
    started = Formation(environ, tmp_path)
    yield started
    started.stop()


@pytest.fixture
def mark() -> Iterator[str]:
    mark = uuid.uuid4().hex
    yield mark
    left = living(mark)
    for process in left:
        process.kill()
    assert not left


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def environment(tmp_path: Path, mark: str, port: int) -> dict[str, str]:
    unset = ("DATABASE_URL", "REDIS_URL", "HOST")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    return kept | {"CURTAIN_DATA": str(tmp_path / "data"), "PORT": str(port), "MARK": mark}


@pytest.fixture
def start_up(environment: dict[str, str], tmp_path: Path, mark: str) -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(**more: str) -> Up:
        up = Up(environment | more, tmp_path / f"up-{len(started)}.log")
        started.append(up)
        return up

    yield start
    for up in started:
        up.process.kill()
        up.process.wait()
    wait_until(lambda: not living(mark))
