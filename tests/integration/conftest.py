"""A runner for a test: started on demand, stopped at its end, its log shown when it fails."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from tests.repositories import Repository, make_repository
from tests.runners import Bench, RunnerProcess, start_runner


@pytest.fixture
def bench(
    conn: psycopg.Connection, redis: Redis, redis_url: str, database_url: str, tmp_path: Path
) -> Bench:
    """Triggers runs as the API does, without it."""
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CURTAIN_ADMIN_TOKEN": "a" * 32,
        "CURTAIN_SECRET_KEY": "b" * 32,
        "CURTAIN_DATA": str(tmp_path / "data"),
        "RUNNER_DRAIN": "0",
    }
    return Bench(conn, redis, environ)


@pytest.fixture
def start(bench: Bench, tmp_path: Path) -> Iterator[Callable[..., RunnerProcess]]:
    """Start a runner, with settings over those of the bench."""
    started: list[RunnerProcess] = []

    def start_one(**environ: str) -> RunnerProcess:
        log = tmp_path / f"runner-{len(started)}.log"
        started.append(start_runner({**bench.environ, **environ}, log))
        return started[-1]

    yield start_one
    for runner in started:
        if runner.process.poll() is None:
            runner.terminate()
        print(runner.log.read_text())


@pytest.fixture
def runner(start: Callable[..., RunnerProcess]) -> RunnerProcess:
    """One runner."""
    return start()


@pytest.fixture
def playbook(tmp_path: Path) -> Callable[[str], Repository]:
    """Make a repository whose site.yml is the text."""

    def make(text: str, **files: str) -> Repository:
        path = tmp_path / "repository"
        return make_repository(path, {"site.yml": text, **files})

    return make
