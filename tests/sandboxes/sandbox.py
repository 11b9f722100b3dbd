"""One process of the Procfile in a sandbox: what a platform does to it, and what one sees of it."""

import os
import secrets
import signal
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from app.bootstrap import guard, procfile
from app.bootstrap.children import Child, Children
from tests.sandboxes.isolation import USER, isolation
from tests.waiting import wait_until

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROCFILE = procfile.parse((ROOT / "Procfile").read_text())
PORT = 8000  # of each web: its address is its own
PATIENCE = 30.0  # seconds from SIGTERM to SIGKILL, as on Heroku


class Place(NamedTuple):
    """Where sandboxes are."""

    folder: Path
    children: Children
    #: The pid of the gateway.
    gateway: int
    #: What each process is given.
    config: dict[str, str]


class Sandbox:
    """A process line of the Procfile, alone with all that it starts."""

    def __init__(self, place: Place, name: str, number: int) -> None:
        """Describe *name*, a line and its number: web.1. It has the address of *number*."""
        self.name = name
        self.address = f"10.77.0.{number}"
        self.log = place.folder / f"{name}.log"
        #: Made up by the platform for each sandbox.
        self.host = f"{name.replace('.', '-')}-{secrets.token_hex(4)}"
        self._place = place
        self._cable = f"cable{number}"
        self._child: Child | None = None
        self._first: psutil.Process | None = None

    def start(self, command: Sequence[str] = (), **settings: str) -> None:
        """Start it, by default with its line of the Procfile; *settings* over the platform's."""
        root = self._place.folder / self.host
        root.mkdir()
        given = {
            "PATH": f"{Path(sys.prefix) / 'bin'}:/usr/bin:/bin",
            "HOME": "/app",
            "PORT": str(PORT),
            "DYNO": self.name,
            **self._place.config,
            **settings,
        }
        how = isolation()
        given |= {
            "DIRECTORIES": " ".join({sys.prefix, sys.base_prefix}),
            "USER_ID": str(USER),
            "OWNER": str(how.owner),
            "BECOME": how.become,
        }
        gateway = str(self._place.gateway)
        enter = ["nsenter", f"--target={gateway}", *how.enter, "--net"]
        where = [gateway, self._cable, self.address, self.host, root, self._place.folder / "slug"]
        line = command or procfile.shell(PROCFILE[self.name.partition(".")[0]])
        made = [*enter, "unshare", "--net", HERE / "sandbox.sh", *where, *line]
        with self.log.open("ab") as log:
            self._child = self._place.children.start(
                "app", [str(word) for word in made], env=given, cwd=root, output=log
            )

    @property
    def first(self) -> psutil.Process:
        """Its process 1, as numbered outside."""
        if self._first is None:
            self._first = wait_until(self._find_first)
        return self._first

    def _find_first(self) -> psutil.Process | None:
        assert self._child is not None
        outer = self._child.process.pid
        outside = os.readlink(f"/proc/{outer}/ns/pid")
        below = psutil.Process(outer).children()
        return next((each for each in below if not _is_in(each, outside)), None)

    def processes(self) -> list[psutil.Process]:
        """All that live in it, whoever started them; zombies are dead."""
        with suppress(OSError):
            mine = os.readlink(f"/proc/{self.first.pid}/ns/pid")
            return [each for each in psutil.process_iter() if _is_in(each, mine)]
        return []  # and with the first one, all

    @property
    def is_alive(self) -> bool:
        """Whether it has been started and has not ended."""
        return self._child is not None and guard.is_alive(self._child.member)

    # What a platform does

    def terminate(self) -> None:
        """Send SIGTERM to every process in it."""
        _signal(self._first_to_last(), signal.SIGTERM)

    def terminate_in_order(self, *, is_first_last: bool) -> None:
        """The same, and let each hear of it in this order: by its age, or the youngest first."""
        processes = self._first_to_last()
        _signal(processes, signal.SIGSTOP)
        _signal(processes, signal.SIGTERM)
        _signal(processes[::-1] if is_first_last else processes, signal.SIGCONT)

    def _first_to_last(self) -> list[psutil.Process]:
        return sorted(self.processes(), key=lambda each: (each.create_time(), each.pid))

    def terminate_others(self) -> None:
        """Send it to all but the first process, which stands still until `terminate_first`."""
        self.first.suspend()
        _signal([each for each in self._first_to_last() if each != self.first], signal.SIGTERM)

    def terminate_first(self) -> None:
        """Let the first process hear of it, and go on."""
        _signal([self.first], signal.SIGTERM)
        _signal([self.first], signal.SIGCONT)

    def kill(self) -> None:
        """As when its memory runs out: SIGKILL to its first process, and with it to all."""
        _signal([self.first], signal.SIGKILL)

    def await_end(self, timeout: float = PATIENCE) -> int:
        """Wait for its end, and give its exit code. SIGKILL after *timeout* seconds."""
        assert self._child is not None
        with suppress(AssertionError):
            wait_until(lambda: not self.is_alive, timeout=timeout)
        if self.is_alive:
            self.kill()
        child, self._child = self._child, None
        return self._place.children.finish(child)

    def stop(self) -> int:
        """SIGTERM to all, SIGKILL after 30 s; give the exit code."""
        self.terminate()
        return self.await_end()


def _is_in(process: psutil.Process, namespace: str) -> bool:
    with suppress(OSError, psutil.Error):
        is_there = os.readlink(f"/proc/{process.pid}/ns/pid") == namespace
        return is_there and process.status() != psutil.STATUS_ZOMBIE
    return False


def _signal(processes: Iterable[psutil.Process], number: int) -> None:
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(number)
