"""One process of the Procfile as a platform has it: a container with a network of its own."""

import os
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import psutil

from app.bootstrap import guard, procfile
from app.bootstrap.children import Child, Children
from tests.formation import Client
from tests.ports import free_port
from tests.proxy import Network
from tests.waiting import PATIENCE, wait_until

ROOT = Path(__file__).resolve().parents[2]
PROCFILE = procfile.parse((ROOT / "Procfile").read_text())
TOKEN = "t" * 32

START = 90.0  # seconds that a process may take to come up; two on a quiet machine
LEASE = 3.0  # seconds; short, so that what follows a lost one is soon seen
#: A PID namespace with a /proc of its own; whoever kills its first process kills all in it.
UNSHARE = ("unshare", "--fork", "--pid", "--mount-proc", "--kill-child")
AS_USER = ("--user", "--map-root-user")


@cache
def isolation() -> tuple[str, ...] | None:
    """Find what puts a command into a PID namespace of its own; None if the machine forbids it."""
    for command in (UNSHARE, (*UNSHARE, *AS_USER)):
        tried = subprocess.run([*command, "true"], capture_output=True)
        if tried.returncode == 0:
            return command
    return None


class Place(NamedTuple):
    """Where containers are."""

    folder: Path
    children: Children
    network: Network
    #: The sockets of the servers.
    postgres: Path
    redis: Path


class Container:
    """A process that can be killed, frozen and cut off from its servers, alone."""

    def __init__(
        self,
        line: str,
        name: str,
        place: Place,
        *,
        is_isolated: bool = False,
    ) -> None:
        """Describe the process *name* that *line* of the Procfile starts."""
        self.name = name
        self.folder = place.folder / name
        self.folder.mkdir()
        self.log = place.folder / f"{name}.log"
        self.postgres = place.network.proxy(place.postgres)
        self.redis = place.network.proxy(place.redis)
        self.is_isolated = is_isolated
        self._line = line
        self._children = place.children
        self._child: Child | None = None
        #: How often it was killed.
        self.kills = 0
        self.was_started = False
        #: What is put before its command: another user, for one.
        self.wrapper: tuple[str, ...] = ()

    def environ(self) -> dict[str, str]:
        """Give the environment of the process."""
        beside = Path(sys.executable).parent
        return {
            "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder / "tmp"),
            "DATABASE_URL": f"postgresql://curtain@127.0.0.1:{self.postgres.port}/postgres"
            "?sslmode=disable&gssencmode=disable",
            "REDIS_URL": f"redis://127.0.0.1:{self.redis.port}/0",
            "CURTAIN_DATA": str(self.folder / "state"),
            "CURTAIN_ADMIN_TOKEN": TOKEN,
            "CURTAIN_SECRET_KEY": "s" * 32,
            "RUNNER_LEASE": f"{LEASE:g}",
        }

    def start(self, **settings: str) -> None:
        """Start it; *settings* over its own."""
        self.was_started = True
        (self.folder / "tmp").mkdir(exist_ok=True)
        command = procfile.shell(PROCFILE[self._line])
        command = [*self.wrapper, *command]
        if self.is_isolated:
            command = [*(isolation() or ()), *command]
        environ = {**self.environ(), **settings}
        with self.log.open("ab") as log:
            self._child = self._children.start("app", command, env=environ, cwd=ROOT, output=log)

    def await_ready(self) -> None:
        """Wait until it has come up."""
        wait_until(lambda: self.postgres.is_used, timeout=START)

    @property
    def is_alive(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child is not None and guard.is_alive(self._child.member)

    @property
    def has_died(self) -> bool:
        """Whether it has ended and nobody has waited for it."""
        return self._child is not None and not self.is_alive

    @property
    def pid(self) -> int:
        """The process itself, as numbered outside of its namespace."""
        assert self._child is not None
        if not self.is_isolated:
            return self._child.process.pid
        inside = wait_until(psutil.Process(self._child.process.pid).children, timeout=START)
        return inside[0].pid

    def kill(self) -> None:
        """As the kernel does when memory runs out: kill all that it is, but no family."""
        self.strike()
        self.kills += 1
        self._finish()

    def strike(self) -> None:
        """Kill it without waiting for its end: what holds others back may be let go at once."""
        self._signal_group(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it stand still, with all connections open."""
        self._signal_group(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal_group(signal.SIGCONT)

    def terminate(self, timeout: float = PATIENCE) -> int:
        """As a platform does; wait for its exit code."""
        self.send(signal.SIGTERM)
        return self.await_end(timeout)

    def await_end(self, timeout: float = PATIENCE) -> int:
        """Wait until it ends; give its exit code."""
        wait_until(lambda: not self.is_alive, timeout=timeout)
        return self._finish()

    def send(self, number: int) -> None:
        """Send the process itself a signal."""
        os.kill(self.pid, number)

    def bury(self) -> None:
        """Take one that has ended by another's hand out of the process table."""
        if self._child is not None:
            self._finish()

    def cut_off(self) -> None:
        """Take both servers from it."""
        self.postgres.cut()
        self.redis.cut()

    def reconnect(self) -> None:
        """Give it both back."""
        self.postgres.restore()
        self.redis.restore()

    def _signal_group(self, number: int) -> None:
        assert self._child is not None
        guard.signal_group(self._child.member, number)

    def _finish(self) -> int:
        assert self._child is not None
        child, self._child = self._child, None
        return self._children.finish(child)


class Web(Container):
    """A web process and a caller of its API."""

    def __init__(self, name: str, place: Place) -> None:
        """Describe one that answers on a port of its own."""
        super().__init__("web", name, place)
        self.port = free_port()
        self.client = Client(self.port, TOKEN)

    def environ(self) -> dict[str, str]:
        """Give the environment of a web process with one worker."""
        return {
            **super().environ(),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "1",
        }

    def await_ready(self) -> None:
        """Wait until it answers."""
        wait_until(self._answers, timeout=START)

    def _answers(self) -> bool:
        try:
            return self.client.call("GET", "//health").status == 200
        except ConnectionError:
            return False


class Runner(Container):
    """A runner that believes to be a machine of its own; an isolated one really is."""

    def __init__(self, name: str, place: Place, *, is_isolated: bool) -> None:
        """Describe one that calls its machine *name*."""
        super().__init__("runner", name, place, is_isolated=is_isolated)
        self.machine = name

    def environ(self) -> dict[str, str]:
        """Give the environment of a runner with short times."""
        return {
            **super().environ(),
            "RUNNER_MACHINE": self.machine,
            "RUNNER_DRAIN": "0",
            "RUNNER_SLOTS": "5",
            "RUNNER_START": os.environ["RUNNER_START"],
        }

    def await_ready(self) -> None:
        """Wait until it takes runs."""
        wait_until(lambda: len(self.keepers()) == 2, timeout=START)

    def keepers(self) -> list[psutil.Process]:
        """Its keepers: those that it has started ahead, and those at work."""
        children = psutil.Process(self.pid).children()
        return [child for child in children if "runner.leader" in _arguments(child)]


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []
