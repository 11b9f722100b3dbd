"""Ways to run ansible-playbook and to stop it: ours, and what people do without us.

Each stops as its users would, believes what it is told, and says so: nothing of a rival is made
slower, quicker or more thorough than it is.
"""

import itertools
import os
import secrets
import signal
import subprocess
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, Protocol

import ansible_runner

from runner.family import mark
from runner.store.connection import connect
from tests.bench.caller import Caller
from tests.bench.stack import Stack, read

GRACE = 10  # seconds from SIGTERM to SIGKILL, as a template has unless told otherwise
POLL = 0.002  # seconds between two looks at the rows
PATIENCE = 60.0  # seconds for an end


class Said(NamedTuple):
    """When a run's stop was asked for, and when it was said to be over; monotonic."""

    began: float
    over: float


class Way(Protocol):
    """Starts runs of the project that was declared last, and stops them."""

    name: str
    #: What every process that it starts is marked with.
    installation: str

    def start(self, count: int) -> list[int]:
        """Start runs; give the number that each one's processes are marked with."""

    def stop(self, runs: Sequence[int]) -> dict[int, Said]:
        """Stop them all at once; return when each is said to be over."""


class Ours:
    """Runs of the service, stopped over its API; over when the row is final."""

    def __init__(self, stack: Stack, *, force: bool) -> None:
        self.name = "Curtain, forced" if force else "Curtain, graceful"
        self.installation = stack.installation
        self._stack = stack
        self._force = force

    def start(self, count: int) -> list[int]:
        """Trigger them."""
        return [self._stack.trigger_run() for _ in range(count)]

    def stop(self, runs: Sequence[int]) -> dict[int, Said]:
        """Ask for all stops on one connection, and look at the rows meanwhile."""
        with ThreadPoolExecutor(1) as looker, Caller(self._stack.port) as caller:
            finals = looker.submit(_await_finals, self._stack.environ["DATABASE_URL"], runs)
            asked = {run: caller.send(self._request(run)) for run in runs}
        for answer in asked.values():
            read(answer)
        return {run: Said(asked[run].began, over) for run, over in finals.result().items()}

    def _request(self, run: int) -> bytes:
        return self._stack.request("POST", f"/runs/{run}/stop", {"force": self._force})


def _await_finals(url: str, runs: Sequence[int]) -> dict[int, float]:
    seen: dict[int, float] = {}
    deadline = time.monotonic() + PATIENCE
    with connect(url) as conn:
        while len(seen) < len(runs):
            rows = conn.execute(
                "SELECT id FROM runs WHERE id = ANY(%s) AND finished_at IS NOT NULL", [list(runs)]
            )
            now = time.monotonic()
            for row in rows:
                seen.setdefault(row["id"], now)
            if now > deadline:
                raise RuntimeError(f"not final within {PATIENCE:g} s: {set(runs) - seen.keys()}")
            time.sleep(POLL)
    return seen


class Rival(ABC):
    """What every other way has: a mark of the benchmark's own, and numbers for its runs."""

    name: str

    def __init__(self, stack: Stack, project: Path, forks: int) -> None:
        self.installation = secrets.token_hex(4)
        self._stack = stack
        self._project = project
        self._forks = forks
        self._numbers = itertools.count(1)

    def _marked(self, number: int) -> dict[str, str]:
        return {**self._stack.environ, **mark(number, self.installation)}

    def start(self, count: int) -> list[int]:
        """Start them one after another."""
        numbers = list(itertools.islice(self._numbers, count))
        for number in numbers:
            self._start(number)
        return numbers

    def stop(self, runs: Sequence[int]) -> dict[int, Said]:
        """Stop each in a thread of its own."""
        with ThreadPoolExecutor(len(runs)) as threads:
            return dict(zip(runs, threads.map(self._stop, runs), strict=True))

    @abstractmethod
    def _start(self, number: int) -> None:
        """Start the run of this number."""

    @abstractmethod
    def _stop(self, number: int) -> Said:
        """Stop it, and wait until it is said to be over."""


class Killpg(Rival):
    """A Popen in a session of its own, its group signalled; over when the leader is waited for."""

    def __init__(self, stack: Stack, project: Path, forks: int, *, force: bool) -> None:
        super().__init__(stack, project, forks)
        self.name = "Popen + killpg, SIGKILL" if force else "Popen + killpg, SIGTERM"
        self._force = force
        self._started: dict[int, subprocess.Popen[bytes]] = {}

    def _start(self, number: int) -> None:
        self._started[number] = subprocess.Popen(
            [
                str(self._stack.ansible),
                "--inventory=hosts",
                f"--forks={self._forks}",
                "site.yml",
            ],
            cwd=self._project,
            env=self._marked(number),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _stop(self, number: int) -> Said:
        process = self._started.pop(number)
        began = time.monotonic()
        os.killpg(process.pid, signal.SIGKILL if self._force else signal.SIGTERM)
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        return Said(began, time.monotonic())


class AnsibleRunner(Rival):
    """`ansible_runner.run_async`, cancelled by its callback; over when it says `canceled`."""

    name = "ansible-runner, cancel"

    def __init__(self, stack: Stack, project: Path, forks: int) -> None:
        super().__init__(stack, project, forks)
        self._started: dict[int, tuple[threading.Thread, ansible_runner.Runner]] = {}
        self._cancelled: set[int] = set()

    def _start(self, number: int) -> None:
        private = tempfile.mkdtemp(prefix="ansible-runner-", dir=self._stack.folder)
        self._started[number] = ansible_runner.run_async(
            private_data_dir=private,
            project_dir=str(self._project),
            inventory=str(self._project / "hosts"),
            playbook="site.yml",
            forks=self._forks,
            envvars=self._marked(number),
            quiet=True,
            # It must go on saying so: the last answer before the end decides the status.
            cancel_callback=lambda: number in self._cancelled,
        )

    def _stop(self, number: int) -> Said:
        thread, runner = self._started.pop(number)
        began = time.monotonic()
        self._cancelled.add(number)
        thread.join(PATIENCE)
        if runner.status != "canceled":
            raise RuntimeError(f"ansible-runner says {runner.status}, not canceled")
        return Said(began, time.monotonic())


def ways(stack: Stack, project: Path, forks: int) -> list[Way]:
    """All of them; ansible-runner knows one hardness only, and it is SIGKILL."""
    return [
        Ours(stack, force=False),
        Killpg(stack, project, forks, force=False),
        Ours(stack, force=True),
        Killpg(stack, project, forks, force=True),
        AnsibleRunner(stack, project, forks),
    ]
