"""A runner for a test: started on demand, stopped at its end, its log shown when it fails."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from runner.access import Access
from runner.store import migrate
from tests.remotes.https import Https, https_server
from tests.remotes.mark import remaining
from tests.remotes.sshd import Sshd, sshd_server
from tests.repositories import Repository, make_repository
from tests.runners import Bench, RunnerProcess, start_runner
from tests.waiting import wait_until

COUNTING = "0009"  # the migrations since which is counted what happens


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


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository that servers serve."""
    return make_repository(tmp_path / "repositories" / "repository", {"site.yml": "one"})


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of all certificates that git believes; one of each server is added to it."""
    file = tmp_path / "certificates.crt"
    file.touch()
    monkeypatch.setenv("GIT_SSL_CAINFO", str(file))
    return file


@pytest.fixture
def serve_https(
    tmp_path: Path, repository: Repository, certificates: Path
) -> Iterator[Callable[..., Https]]:
    """Start servers of the repository, for those users; end them with the test."""
    with ExitStack() as started:

        def start(users: dict[str, str] | None = None) -> Https:
            folder = tmp_path / f"https-{len(list(tmp_path.glob('https-*')))}"
            folder.mkdir()
            server = started.enter_context(https_server(repository.path.parent, folder))
            server.users = users
            with certificates.open("a") as file:
                file.write(server.certificate.read_text())
            return server

        yield start
    wait_until(lambda: not remaining())


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    """An sshd that lets the key in its folder in."""
    with sshd_server(tmp_path / "sshd") as server:
        yield server
    wait_until(lambda: not remaining())


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    """What a run has to itself."""
    directory = tmp_path / "run"
    directory.mkdir(mode=0o700)
    return directory


@pytest.fixture
def access(tmp_path: Path, run_directory: Path) -> Callable[..., Access]:
    """Make the access that a credential gives."""

    def make(credential: dict) -> Access:
        return Access(
            {"scope": credential["name"], **credential},
            run_directory / "access",
            tmp_path / "known_hosts",
        )

    return make


@pytest.fixture
def old_url(
    services: dict[str, str],
    server: psycopg.Connection,
    worker: str,
    numbers: Iterator[int],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """A database as the version before the one that counts had it."""
    name = f"old_{worker}_{next(numbers)}"
    server.execute(f"CREATE DATABASE {name}")
    url = services["postgres"].replace("/postgres?", f"/{name}?")
    everything = migrate._migrations()
    with monkeypatch.context() as patch:
        patch.setattr(migrate, "_migrations", lambda: [m for m in everything if m[0] < COUNTING])
        migrate.migrate(url)
    yield url
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")
