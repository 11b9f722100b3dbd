"""Real services for the tests: one Postgres and one Valkey, guarded, for all xdist workers."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import settings
from psycopg.rows import DictRow, dict_row
from redis import Redis

from app.bootstrap import postgres, service, valkey
from app.bootstrap.children import Children
from app.bootstrap.service import Service
from runner.store.migrate import migrate

# A second of a processor for each runner that a test starts. Tests of warm starts ask for them;
# with RUNNER_START=warm in the environment all others play warm, too.
os.environ.setdefault("RUNNER_START", "cold")

# What takes how long says more of the machine than of the code; pytest-timeout ends what hangs.
settings.register_profile("curtain", deadline=None)
settings.load_profile("curtain")

#: Nothing here must survive a crash of the machine.
CARELESS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_wal_size=256MB")
#: Where there is room in memory: a database of its own takes a test 18 ms there, and 45 on a disk.
MEMORY = Path("/dev/shm")  # noqa: S108 - a directory of its own is made below it
ROOM = 4 << 30  # bytes
REDIS_DATABASES = 256  # for tests; behind them are those of formations that many tests share
SHARED_DATABASES = 256
FAST_VALKEY = (
    "--databases",
    str(REDIS_DATABASES + SHARED_DATABASES),
    "--save",
    "",
    "--appendonly",
    "no",
)

SERVICES = pytest.StashKey[dict[str, str]]()
CLOSING = pytest.StashKey[ExitStack]()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Have two workers a core: the tests wait for half of their time."""
    return max(2, (os.cpu_count() or 1) * 2)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the services, in the process that the xdist workers belong to."""
    config = session.config
    if hasattr(config, "workerinput"):
        config.stash[SERVICES] = config.workerinput["services"]
    elif not config.option.collectonly:
        config.stash[CLOSING] = ExitStack()
        config.stash[SERVICES] = _start_services(config.stash[CLOSING])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop them."""
    if closing := session.config.stash.get(CLOSING, None):
        closing.close()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the services are."""
    node.workerinput["services"] = node.config.stash[SERVICES]


def _start_services(closing: ExitStack) -> dict[str, str]:
    in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM
    folder = Path(tempfile.mkdtemp(prefix="curtain-tests-", dir=MEMORY if in_memory else None))
    closing.callback(shutil.rmtree, folder)
    children = closing.enter_context(Children())
    services = [
        postgres.prepare(folder / "postgres", folder, children, *CARELESS, "max_connections=300"),
        valkey.prepare(folder / "redis", folder, *FAST_VALKEY),
    ]
    for each in services:
        _start(each, children)
    return {each.name: each.url for each in services}


def _start(each: Service, children: Children) -> None:
    service.wait_until_ready(each, service.start(each, children))


@pytest.fixture(scope="session")
def services(request: pytest.FixtureRequest) -> dict[str, str]:
    """URLs of the servers, by name."""
    return request.config.stash[SERVICES]


@pytest.fixture(scope="session")
def server(services: dict[str, str]) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the server's own database, to make and drop others."""
    with psycopg.connect(services["postgres"], autocommit=True) as conn:
        yield conn


@pytest.fixture(scope="session")
def worker() -> str:
    """This process among those that run the tests."""
    return os.environ.get("PYTEST_XDIST_WORKER", "gw0")


@pytest.fixture(scope="session")
def template_database(
    services: dict[str, str], server: psycopg.Connection[Any], worker: str
) -> str:
    """A migrated database that every test's own is a copy of."""
    name = f"template_{worker}"
    server.execute(f"CREATE DATABASE {name}")
    migrate(_database_url(services, name))
    return name


def _database_url(services: dict[str, str], name: str) -> str:
    return services["postgres"].replace("/postgres?", f"/{name}?")


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """0, 1, 2 …: one for each test of this process."""
    return count()


@pytest.fixture
def database_url(
    services: dict[str, str],
    server: psycopg.Connection[Any],
    template_database: str,
    worker: str,
    numbers: Iterator[int],
) -> Iterator[str]:
    """A migrated database of the test's own."""
    name = f"test_{worker}_{next(numbers)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY file_copy")
    yield _database_url(services, name)
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection[DictRow]]:
    """A connection to the test's database; each statement is its own transaction."""
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        yield connection


@pytest.fixture
def redis_url(services: dict[str, str], worker: str, numbers: Iterator[int]) -> str:
    """An empty Redis database that no test at the same time has."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    share = REDIS_DATABASES // workers
    database = int(worker.removeprefix("gw")) * share + next(numbers) % share
    url = services["redis"].replace("db=0", f"db={database}")
    with Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture(scope="session")
def make_shared_redis(services: dict[str, str], worker: str) -> Callable[[], str]:
    """Makes empty Redis databases that all tests of this process share, and no other's."""
    places = count(REDIS_DATABASES + 2 * int(worker.removeprefix("gw")))

    def make() -> str:
        url = services["redis"].replace("db=0", f"db={next(places)}")
        with Redis.from_url(url) as client:
            client.flushdb()
        return url

    return make


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client of the test's Redis database."""
    with Redis.from_url(redis_url) as client:
        yield client
