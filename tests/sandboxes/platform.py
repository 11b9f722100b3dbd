"""A platform as Heroku is one: it knows a Procfile, a slug and a config, and nothing of Curtain."""

import http.client
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.bootstrap.children import Child, Children
from tests.formation import TOKEN, Client
from tests.sandboxes import gateway
from tests.sandboxes.isolation import environ, isolation
from tests.sandboxes.sandbox import PORT, ROOT, Place, Sandbox
from tests.waiting import wait_until

#: What is pushed; the rest of a checkout is ignored on a platform, too.
SLUG = ("app", "jobs", "runner", "Procfile")


class Door(http.client.HTTPConnection):
    """A connection to a web in its network, from outside of it."""

    def __init__(self, door: Path, address: str) -> None:
        """Go through the gateway's *door*."""
        super().__init__(address, PORT, timeout=60)
        self._door = door

    def connect(self) -> None:
        """Ask for the address there."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._door))
        self.sock.sendall(f"{self.host} {self.port}\n".encode())


class Visitor(Client):
    """A caller of one web's API."""

    def __init__(self, door: Path, address: str) -> None:
        """Call the web at *address*."""
        super().__init__(PORT, TOKEN)
        self._place = (door, address)

    def connect(self) -> http.client.HTTPConnection:
        """Make a connection."""
        return Door(*self._place)


class Platform:
    """A network, and sandboxes in it by their names: web.1, runner.2."""

    def __init__(self, folder: Path, children: Children, postgres: Path, redis: Path) -> None:
        """Build the network, with the servers of those sockets in it; no process of ours yet."""
        self.folder = folder
        self.repositories = folder / "repositories"
        self.repositories.mkdir()
        _copy_slug(folder / "slug")
        self._children = children
        how = isolation()
        unshare = ("unshare", *how.own, "--net", "--mount", "--pid", "--fork", "--kill-child")
        program = (sys.executable, "-m", gateway.__name__)
        served = map(str, (folder, postgres, redis, self.repositories))
        with (folder / "gateway.log").open("ab") as log:
            started = children.start(
                "app", [*unshare, *program, *served], env=environ(), cwd=ROOT, output=log
            )
        wait_until((folder / gateway.DOOR).exists, timeout=180)
        shutil.copy(folder / gateway.CERTIFICATE, folder / "slug")
        #: What each process is given, as by `heroku config:set`.
        self.config: dict[str, str] = {}
        self._place = Place(folder, children, _child_of(started), self.config)
        self._numbers = count(10)
        self.sandboxes: dict[str, Sandbox] = {}

    # What an operator does

    def release(self) -> int:
        """Run the release phase to its end; give its exit code."""
        return self.run("release.1")

    def run(self, name: str, *command: str, **settings: str) -> int:
        """Run *command* in a sandbox of its own, as `heroku run` does; give its exit code."""
        sandbox = self._new(name)
        sandbox.start(command, **settings)
        return sandbox.await_end(timeout=60)

    def start(self, name: str, **settings: str) -> Sandbox:
        """Start a process, beside the one of that name if there is one: a new version of it."""
        sandbox = self._new(name)
        self.sandboxes[name] = sandbox
        sandbox.start(**settings)
        return sandbox

    def _new(self, name: str) -> Sandbox:
        return Sandbox(self._place, name, next(self._numbers))

    def scale(self, line: str, quantity: int, **settings: str) -> dict[str, int]:
        """Have *quantity* processes of a line; give the exit codes of those that had to go."""
        names = [f"{line}.{number}" for number in range(1, quantity + 1)]
        for name in names:
            if name not in self.sandboxes:
                self.start(name, **settings)
        return self.stop(*(name for name in self._of(line) if name not in names))

    def stop(self, *names: str) -> dict[str, int]:
        """End processes, at once; give their exit codes."""
        ending = {name: self.sandboxes.pop(name) for name in names}
        for sandbox in ending.values():
            sandbox.terminate()
        return {name: sandbox.await_end() for name, sandbox in ending.items()}

    def _of(self, line: str) -> list[str]:
        return [name for name in self.sandboxes if name.partition(".")[0] == line]

    def visit(self, name: str) -> Visitor:
        """Make a caller of a web."""
        return Visitor(self.folder / gateway.DOOR, self.sandboxes[name].address)

    def await_web(self, name: str) -> Visitor:
        """Wait until a web answers."""
        visitor = self.visit(name)
        wait_until(lambda: _answers(visitor), timeout=90, interval=0.05)
        return visitor

    # What is seen

    def ledger(self) -> list[str]:
        """The lines that playbooks have written, in their order."""
        file = self.folder / gateway.LEDGER_FILE
        return file.read_text().splitlines() if file.exists() else []

    def logs(self) -> str:
        """What all have said."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')}" for log in logs)


def _answers(visitor: Visitor) -> bool:
    try:
        return visitor.call("GET", "//health").status == 200
    except (OSError, http.client.HTTPException):
        return False


def _copy_slug(slug: Path) -> None:
    slug.mkdir()
    subprocess.run(["cp", "-R", "--preserve=mode,timestamps", *SLUG, slug], cwd=ROOT, check=True)


def _child_of(started: Child) -> int:
    """The pid of the gateway itself, which is in namespaces that its parent has made."""
    pid = started.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return int(wait_until(lambda: children.read_text().split())[0])


@contextmanager
def open_platform(database_url: str, redis_url: str, **config: str) -> Iterator[Platform]:
    """Make a platform with the servers at two sockets; end all of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="curtain-platform-"))
    postgres, redis = urlsplit(database_url), urlsplit(redis_url)
    sockets = unquote(postgres.query.removeprefix("host="))
    try:
        with Children() as children:
            platform = Platform(
                folder, children, Path(sockets) / ".s.PGSQL.5432", Path(unquote(redis.path))
            )
            platform.config.update(
                DATABASE_URL=f"postgres://curtain:secret@{gateway.ADDRESS}{postgres.path}",
                REDIS_URL=f"rediss://{gateway.ADDRESS}?{redis.query}",
                CURTAIN_ADMIN_TOKEN=TOKEN,
                CURTAIN_SECRET_KEY="s" * 32,
                GIT_SSL_CAINFO="/app/server.crt",
                REDIS_TLS_VERIFY="0",
                **config,
            )
            yield platform
    finally:
        shutil.rmtree(folder)
