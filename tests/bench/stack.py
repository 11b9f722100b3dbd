"""The whole service as `up` starts it, for one benchmark, on a database and a queue of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.bootstrap import postgres, procfile, valkey
from app.bootstrap.children import Child, Children
from runner import family
from runner.settings import Settings
from runner.store import runners, runs
from runner.store.connection import Connection, connect
from runner.store.migrate import migrate
from tests.bench.caller import Answer, Caller, write_request
from tests.ports import free_port
from tests.repositories import make_repository
from tests.runners import LOCAL
from tests.servers import Server
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "the-token-of-the-benchmarks"
TEMPLATE = "bench"
SLEEP = "sleep 300"  # the task of tests.playbooks.SLEEPING
#: What is another application in the web's line, to serve the bare one.
BARE = {"app.wsgi:app": "tests.bench.bare:app", "app.gunicorn_conf": "tests.bench.bare_conf"}
PROCFILE = procfile.parse((ROOT / "Procfile").read_text())


@dataclass
class Stack:
    """Postgres with fsync, Valkey, gunicorn by the Procfile's line, a runner."""

    folder: Path
    children: Children
    environ: dict[str, str]
    conn: Connection
    port: int
    installation: str
    database: Server
    cache: Server
    #: The pid of `python -m runner`; 0 when none was asked for.
    runner: int = 0
    _repositories: int = 0

    def close(self) -> None:
        """Leave Postgres."""
        self.conn.close()

    def reconnect(self) -> None:
        """Come back to a Postgres that was away."""
        self.close()
        self.conn = connect(self.database.url)

    def request(self, method: str, path: str, body: object = None) -> bytes:
        """Write a request of somebody with the token."""
        return write_request(method, path, TOKEN, body)

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Send a request that must succeed, on a connection of its own."""
        with Caller(self.port) as caller:
            return read(caller.send(self.request(method, path, body)))

    def declare(self, playbook: str, inventory: str = LOCAL, **options: Any) -> Path:
        """Have the template run *playbook* with ansible's *options*; give the work tree."""
        self._repositories += 1
        files = {"site.yml": playbook, "hosts": inventory}
        repository = make_repository(self.folder / f"repository-{self._repositories}", files)
        source = {"repository": repository.url, "ref": "main", "path": "site.yml"}
        body = {"playbook": source, "inventory": {"path": "hosts"}, "options": options}
        self.call("PUT", f"/templates/{TEMPLATE}", body)
        return repository.path

    def start(self, name: str, **settings: str) -> Child:
        """Start a process of the Procfile, with *settings* over the stack's."""
        with (self.folder / f"{name}.log").open("ab") as log:
            command = procfile.shell(PROCFILE[name])
            variables = {**self.environ, **settings}
            return self.children.start("app", command, env=variables, cwd=ROOT, output=log)

    def start_runner(self, **settings: str) -> Child:
        """Start a runner; return when it is there to take runs."""
        child = self.start("runner", **settings)
        ending = f".{child.process.pid}."
        wait_until(
            lambda: any(ending in one["name"] for one in runners.alive(self.conn)), timeout=60
        )
        return child

    def start_ansible(self, project: Path) -> Child:
        """Start the bare command, as somebody without us would: the floor of every run."""
        command = [str(self.ansible), "--inventory=hosts", "--", "site.yml"]
        variables = {**self.environ, "PYTHONUNBUFFERED": "1", "ANSIBLE_NOCOLOR": "1"}
        null = subprocess.DEVNULL
        return self.children.start("app", command, env=variables, cwd=project, output=null)

    @property
    def settings(self) -> Settings:
        """What the runner reads of its environment."""
        return Settings.from_environ(self.environ)

    @property
    def ansible(self) -> Path:
        """The ansible-playbook of this stack, that nobody else on the machine executes."""
        return self.folder / "ansible-playbook"

    @property
    def trigger(self) -> bytes:
        """The request for a run."""
        return self.request("POST", f"/templates/{TEMPLATE}/runs", {})

    def start_bare(self) -> int:
        """Serve the bare application by the same line; give its port."""
        line = PROCFILE["web"]
        for ours, bare in BARE.items():
            assert ours in line
            line = line.replace(ours, bare)
        return _serve(self.children, line, self.environ, self.folder)

    def is_sleeping(self, run_id: int) -> bool:
        """Whether the run has come to its task."""
        return any(member.command == SLEEP for member in self.family(run_id))

    def family(self, run_id: int) -> list[family.Member]:
        """Every process of the run, by a look at the whole machine."""
        return family.find(self.installation).get(run_id, [])

    def trigger_run(self) -> int:
        """Trigger a run; give its id."""
        return int(self.call("POST", f"/templates/{TEMPLATE}/runs", {})["id"])

    def is_final(self, run_id: int) -> bool:
        """Whether the run's end is committed."""
        row = self.conn.execute("SELECT finished_at FROM runs WHERE id = %s", [run_id]).fetchone()
        return bool(row and row["finished_at"])


def read(answer: Answer) -> dict[str, Any]:
    """Read an answer that must be a success."""
    if answer.status >= 300:
        raise RuntimeError(f"the API answered {answer.status}: {answer.body.decode()}")
    body: dict[str, Any] = json.loads(answer.body)
    return body


@contextmanager
def open_stack(*, with_runner: bool = True, **settings: str) -> Iterator[Stack]:
    """Start everything with *settings* over the defaults; end everything at the end."""
    folder = Path(tempfile.mkdtemp(prefix="curtain-bench-"))
    try:
        with Children() as children:
            database, cache = _start_servers(folder, children)
            urls = {"DATABASE_URL": database.url, "REDIS_URL": cache.url}
            variables = {**_environment(folder), **urls, **settings}
            migrate(database.url)
            port = _serve(children, PROCFILE["web"], variables, folder)
            conn = connect(database.url)
            mark = runs.installation(conn)
            stack = Stack(folder, children, variables, conn, port, mark, database, cache)
            with closing(stack):
                if with_runner:
                    stack.runner = stack.start_runner().process.pid
                yield stack
    finally:
        shutil.rmtree(folder)


def _start_servers(folder: Path, children: Children) -> tuple[Server, Server]:
    """Start Postgres and Valkey with the settings of `up`: nothing committed is ever lost."""
    prepared = postgres.prepare(folder / "postgres", folder, children)
    database = Server(prepared, children, signal.SIGINT)
    cache = Server(valkey.prepare(folder / "redis", folder), children, signal.SIGTERM)
    for server in (database, cache):
        server.start()
    return database, cache


def _environment(folder: Path) -> dict[str, str]:
    """Tell the processes what `up` would."""
    beside = Path(sys.executable).parent
    shutil.copy(beside / "ansible-playbook", folder)
    return {
        **os.environ,
        "ANSIBLE_PLAYBOOK": str(folder / "ansible-playbook"),
        "CURTAIN_ADMIN_TOKEN": TOKEN,
        "CURTAIN_SECRET_KEY": "the-secret-of-the-benchmarks",
        "CURTAIN_DATA": str(folder / "data"),
        "RUNNER_DRAIN": "0",
        "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}",
        "HOST": "127.0.0.1",
    }


def _serve(children: Children, line: str, variables: dict[str, str], folder: Path) -> int:
    """Start a web process on a free port, and wait until it answers."""
    port = free_port()
    with (folder / f"web-{port}.log").open("wb") as log:
        variables = {**variables, "PORT": str(port)}
        command = procfile.shell(line)
        children.start("app", command, env=variables, cwd=ROOT, output=log)
    wait_until(lambda: _is_answering(port), timeout=30)
    return port


def _is_answering(port: int) -> bool:
    try:
        with Caller(port) as caller:
            return caller.send(write_request("GET", "/", TOKEN)).status < 500
    except OSError:
        return False
