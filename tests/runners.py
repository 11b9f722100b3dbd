"""Real runners as child processes, and what the tests ask of them."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from redis import Redis

from jobs import runs as jobs
from runner import family
from runner.admission import admit
from runner.credential import restored, shown, unlocked
from runner.run import Run, Trigger
from runner.store import credentials, events, output, runs, stops
from runner.uses import known
from runner.vault import Vault
from runner.wanted import Wanted
from tests import audit
from tests.waiting import PATIENCE, wait_until

ROOT = Path(__file__).resolve().parents[1]
SPEC = {
    "vars": {},
    "accepts": {},
    "overrides": [],
    "options": {},
    "environment": {},
    "timeout": 60,
    "queue_timeout": None,
    "grace": 1,
}
PYTHON = "ansible_python_interpreter='{{ ansible_playbook_python }}'"
LOCAL = f"localhost ansible_connection=local {PYTHON}\n"
THREE = "".join(f"host{n} ansible_connection=local {PYTHON}\n" for n in (1, 2, 3))


@dataclass
class RunnerProcess:
    """`python -m runner`, started for one test."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()

    def terminate(self) -> int:
        """As a platform does; wait for its exit code."""
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)


def idle_keepers(runner: RunnerProcess) -> list[psutil.Process]:
    """The keepers that a runner has started ahead."""
    keepers = []
    for child in psutil.Process(runner.process.pid).children():
        with suppress(psutil.NoSuchProcess):  # git and others come and go
            if "runner.leader" in child.cmdline():
                keepers.append(child)
    return keepers


def start_runner(environ: dict[str, str], log: Path) -> RunnerProcess:
    """Start a runner that writes its log to a file."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "runner"],
            cwd=ROOT,
            env={**os.environ, **environ},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    return RunnerProcess(process, log)


class Sight:
    """What a test sees of runs; not through the API."""

    conn: psycopg.Connection
    installation: str

    def find(self, run: Run) -> Run:
        """The run as it is now."""
        found = runs.find(self.conn, run.id)
        assert found is not None
        return found

    def rows(self) -> list[Run]:
        """Every run, the oldest first."""
        found = self.conn.execute(f"{runs.SELECT} ORDER BY id").fetchall()
        return [Run.from_row(row) for row in found]

    def await_final(self, run: Run, timeout: float = PATIENCE) -> Run:
        """Wait for the end of a run."""
        return wait_until(lambda: (now := self.find(run)).is_final and now, timeout=timeout)

    def await_phase(self, run: Run, phase: str) -> Run:
        """Wait until it is preparing or playing."""
        return wait_until(lambda: (now := self.find(run)).phase == phase and now)

    def output(self, run: Run) -> bytes:
        """All that is stored of its output."""
        stored, offset = b"", 0
        while part := output.read(self.conn, run.id, offset).bytes:
            stored += part
            offset += len(part)
        return stored

    def await_output(self, run: Run, text: bytes) -> None:
        """Wait until it has printed *text*."""
        wait_until(lambda: text in self.output(run))

    def events(self, run: Run, kind: str | None = None) -> list[events.RunEvent]:
        """Its history, or what is of one kind."""
        history = events.page(self.conn, run.id, after=0, limit=10_000)
        return [event for event in history if kind in (None, event.kind)]

    def family(self, run: Run) -> list[family.Member]:
        """Every process with the run's mark or brand, by a look at the whole machine."""
        return family.find(self.installation).get(run.id, [])

    def living(self) -> dict[int, list[int]]:
        """The pids of every process with mark or brand, by run, numbered as seen from here."""
        return audit.marked(self.installation)


@dataclass
class Bench(Sight):
    """Everything a test needs to trigger runs and look at them."""

    conn: psycopg.Connection
    redis: Redis
    environ: dict[str, str]
    spec: dict = field(default_factory=lambda: dict(SPEC))

    def __post_init__(self) -> None:
        """Remember whose processes to look for, also when Postgres is away."""
        self.installation = runs.installation(self.conn)

    def trigger(
        self,
        repository: str,
        inventory: str = LOCAL,
        *,
        template="test",
        accepted=None,
        secrets=None,
        **spec,
    ) -> Run:
        """Trigger a run of site.yml in a repository."""
        spec = {
            **self.spec,
            "playbook": {"repository": repository, "ref": "main", "path": "site.yml"},
            "inventory": {"content": inventory} if isinstance(inventory, str) else inventory,
            **spec,
        }
        wanted = Wanted(
            template=template,
            spec=spec,
            accepted=accepted or {},
            secrets=secrets,
            trigger=Trigger.API,
            by="ada",
        )
        admitted = admit(self.conn, wanted)
        assert admitted is not None
        jobs.hand_over(self.redis, admitted)
        return admitted.run

    def keep(self, name: str, **given) -> None:
        """Keep a credential as the API does."""
        credential = unlocked(restored(given))
        sealed = Vault(self.environ["CURTAIN_SECRET_KEY"]).seal(credential.model_dump())
        credentials.put(self.conn, name, known(credential), shown(credential), sealed, "ada")

    def stop(self, run: Run, *, force: bool = False, reason: str | None = None) -> Run | None:
        """Ask for a stop as the API does."""
        asked = stops.request_stop(self.conn, run.id, by="grace", reason=reason, force=force)
        if asked is not None:
            jobs.ring_stop(self.redis, asked)
        return asked
