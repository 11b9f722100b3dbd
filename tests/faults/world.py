"""Everything that the Procfile says, for real, in the hands of a test that wants it to lie."""

import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from psycopg.rows import DictRow, dict_row
from redis import Redis

from app.bootstrap.children import Children
from runner.run import Run
from runner.store import runs, templates
from runner.store.migrate import migrate
from runner.template import Template
from tests import audit
from tests.faults.container import Container, Place, Runner, Web
from tests.faults.plays import PLAYBOOKS, make_plays, template_of
from tests.faults.traces import descriptors
from tests.formation import Answer
from tests.proxy import Network
from tests.runners import Sight
from tests.servers import Server, own_servers
from tests.waiting import wait_until


class World(Sight):
    """Two webs, two runners, two watchdogs; one Postgres, one Valkey; nothing started yet."""

    def __init__(
        self, database: Server, cache: Server, place: Place, *, is_isolated: bool = False
    ) -> None:
        """Release it, and write down what can be run."""
        self.database = database
        self.cache = cache
        self.folder = place.folder
        migrate(database.url)
        self.webs = [Web(f"web-{number}", place) for number in ("one", "two")]
        self.runners = {
            name: Runner(name, place, is_isolated=is_isolated) for name in ("one", "two")
        }
        self.one, self.two = self.runners.values()
        self.watchdogs = [Container("watchdog", name, place) for name in ("watchdog", "guardian")]
        self.watchdog = self.watchdogs[0]
        #: What the witness has noted.
        self.reports = self.folder / "reports"
        self.reports.mkdir()
        self.repository = make_plays(self.folder / "plays")
        self._conn: psycopg.Connection[DictRow] | None = None
        self.installation = runs.installation(self.conn)
        audit.install(self.conn)
        for name in PLAYBOOKS:
            self.declare(name)
        #: The first reason given for a stop of a run, None for none.
        self.reasons: dict[int, str | None] = {}
        #: Descriptors by kind of each runner that was up and idle.
        self.descriptors: dict[str, Counter[str]] = {}
        #: Runs that a scenario leaves unfinished on purpose.
        self.unfinished: set[int] = set()
        self._keys = count(1)

    @property
    def containers(self) -> list[Container]:
        """All there are."""
        return [*self.webs, *self.runners.values(), *self.watchdogs]

    @property
    def conn(self) -> psycopg.Connection[DictRow]:
        """A direct connection to Postgres, made anew when Postgres was away."""
        if self._conn is None or self._conn.closed:
            self._conn = psycopg.connect(self.database.url, autocommit=True, row_factory=dict_row)
        return self._conn

    def redis(self) -> Redis:
        """A direct client of Valkey."""
        return Redis.from_url(self.cache.url)

    # What there is to run

    def declare(self, name: str, text: str | None = None, **template: Any) -> None:
        """Declare a template; its playbook is the one of that name, or *text*."""
        if text is not None:
            self.repository.commit({f"{name}.yml": text})
        body = template_of(name, self.repository.url, self.reports, **template)
        templates.put(self.conn, name, Template.model_validate(body).spec(), "the world")

    # What a caller does

    def ask_for(
        self, name: str, *, web: int = 0, key: str | None = None, wait: int = 0, **values: Any
    ) -> Answer:
        """Trigger a template by one of the webs, whatever comes back; *values* are variables."""
        headers = {"Idempotency-Key": key or f"key-{next(self._keys)}"}
        path = f"/templates/{name}/runs?wait={wait}"
        return self.webs[web].client.call("POST", path, {"vars": values}, **headers)

    def trigger(self, name: str, *, web: int = 0, key: str | None = None, **values: Any) -> Run:
        """Trigger a template, and expect that it is taken."""
        answer = self.ask_for(name, web=web, key=key, **values)
        assert answer.status == 202, answer.body
        found = runs.find(self.conn, answer.json["id"])
        assert found is not None
        return found

    def stop(
        self, run: Run, *, force: bool = False, reason: str | None = None, web: int = 0
    ) -> Answer:
        """Ask for a stop by one of the webs."""
        body = {"force": force, "reason": reason} if reason else {"force": force}
        answer = self.webs[web].client.call("POST", f"/runs/{run.id}/stop", body)
        if answer.status < 300:
            self.reasons.setdefault(run.id, reason)
        return answer

    def await_ready(self, run: Run) -> Run:
        """Wait until its playbook says that it is ready."""
        self.await_output(run, b"ready")
        return self.find(run)

    # What is seen of all

    def executions(self, run: Run | None = None) -> list[tuple[int, str]]:
        """What the ledger says: run and attempt of each playbook that was executed."""
        ledger = self.reports / "ledger"
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        noted = [(int(run_id), attempt) for run_id, attempt in map(str.split, lines)]
        return [each for each in noted if run is None or each[0] == run.id]

    @contextmanager
    def moves_held(self) -> Iterator[None]:
        """Let every move of a run wait for the end of this; each writes an event."""
        with psycopg.connect(self.database.url) as conn:
            conn.execute("LOCK TABLE run_events IN SHARE MODE")
            yield

    def drop_connections(self) -> None:
        """End every other connection to Postgres, and what is under way on it."""
        others = "usename = 'curtain' AND application_name = 'curtain'"
        self.conn.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")

    def await_held(self) -> None:
        """Wait until somebody's move is being held."""
        blocked = "SELECT 1 FROM pg_locks WHERE relation = 'run_events'::regclass AND NOT granted"
        wait_until(lambda: self.conn.execute(blocked).fetchone())

    # Its life

    def start(self, *containers: Container) -> None:
        """Start these, by default all but the watchdogs, and wait until they are up."""
        starting = containers or (*self.webs, *self.runners.values())
        for container in starting:
            container.start()
        for container in starting:
            container.await_ready()
        for runner in self.runners.values():
            if runner in starting:
                self.descriptors[runner.name] = descriptors(runner.pid)

    def recover(self) -> None:
        """Be what a platform and a network become again: all up, connected, nobody frozen."""
        for container in self.containers:
            container.reconnect()
            if container.is_alive:
                container.thaw()
        gone = [each for each in self.containers if each.was_started and not each.is_alive]
        for container in gone:
            container.bury()
        if gone:
            self.start(*gone)
        if not any(runner.is_alive for runner in self.runners.values()):
            self.start(self.one)

    def await_rest(self, seconds: float = 60.0) -> None:
        """Wait until every run is final and no family lives, but not for ever."""
        with suppress(AssertionError):
            wait_until(self._is_at_rest, timeout=seconds, interval=0.1)

    def _is_at_rest(self) -> bool:
        live = [run.id for run in self.rows() if not run.is_final]
        return set(live) <= self.unfinished and not self.living()

    def stop_all(self) -> None:
        """End every container as a platform does."""
        living = [container for container in self.containers if container.is_alive]
        for container in living:
            container.thaw()
            container.send(signal.SIGTERM)
        for container in living:
            container.await_end()

    def logs(self) -> str:
        """What all of them have said."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')}" for log in logs)

    def close(self) -> None:
        """Let go of Postgres."""
        if self._conn is not None:
            self._conn.close()


@contextmanager
def make_world(*, is_isolated: bool = False) -> Iterator[World]:
    """Make a world; end all of it afterwards, whatever state it is in."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="curtain-world-"))
        stack.callback(shutil.rmtree, folder)
        database, cache = stack.enter_context(own_servers())
        children = stack.enter_context(Children())
        network = stack.enter_context(Network())
        place = Place(folder, children, network, _postgres(database), _redis(cache))
        world = World(database, cache, place, is_isolated=is_isolated)
        stack.callback(world.close)
        yield world


def _postgres(server: Server) -> Path:
    query = urlsplit(server.url).query
    return Path(unquote(query.removeprefix("host="))) / ".s.PGSQL.5432"


def _redis(server: Server) -> Path:
    return Path(unquote(urlsplit(server.url).path))
