"""How a run gets from the queue into the hands of a keeper."""

import json
import logging
import shutil
import time
from collections.abc import Collection
from uuid import UUID, uuid4

from runner import family, machine, plain
from runner.containment import Containment
from runner.credential import Credential
from runner.directories import make_directory
from runner.errors import RunnerError
from runner.judge import End, Verdict, judge, storable
from runner.kept import Keepers
from runner.live import Live
from runner.opening import open_credentials, to_hide
from runner.orders import make_order
from runner.output import Output
from runner.run import Run, RunState
from runner.settings import Settings
from runner.store import claims, leases, maintenance, moves, runs
from runner.store.connection import AWAY, Connection
from runner.vault import Vault
from runner.zygotes import Zygotes

log = logging.getLogger(__name__)


class Paused(RunnerError):
    """Nothing is taken from the queue now."""


def _unclaimed(conn: Connection, run_id: int) -> Run | None:
    """The run, if it waits for more than a slot. Raise Paused."""
    if maintenance.find(conn):
        raise Paused("nothing is taken during maintenance")
    run = runs.find(conn, run_id)
    return run if run is not None and run.state is RunState.QUEUED else None


class Starts:
    """Claims runs and hands them to keepers."""

    def __init__(
        self,
        runner: str,
        settings: Settings,
        keepers: Keepers,
        zygotes: Zygotes,
        containment: Containment,
    ) -> None:
        """Start runs for the runner of that name."""
        self._containment = containment
        self._zygotes = zygotes
        self._runner = runner
        self._settings = settings
        self._keepers = keepers
        self._vault = Vault(settings.secret_key)
        #: The mark of this Curtain; known before the first run is claimed.
        self.installation = ""

    def prepare(self, conn: Connection) -> None:
        """Know whose runs these are, before the first one, and warm up for it."""
        if not self.installation:
            self.installation = runs.installation(conn)
            plain.prepare(self._zygotes, self._settings, self.installation)

    def start(self, conn: Connection, run_id: int) -> Live | Run | None:
        """Claim and order. None when it was not queued any more.

        The run itself when its turn has not come, and when it has failed at once. Raise Paused
        while nothing is to be taken.
        """
        self.prepare(conn)
        gate_until = time.monotonic() + self._settings.gate
        run = claims.claim(
            conn,
            run_id,
            runner=self._runner,
            machine=self._settings.machine,
            boot=machine.boot(),
            token=uuid4(),
            lease=self._settings.lease,
        )
        if run is None:
            return _unclaimed(conn, run_id)
        log.info("run %d: claimed", run.id, extra={"run": run.id, "template": run.template})
        try:
            return self._order(run, open_credentials(conn, self._vault, run.spec), gate_until)
        except AWAY:
            raise  # nobody holds it: recover() queues it again
        except (OSError, RunnerError) as error:
            self._fail(conn, run, f"it could not be started: {error}")
        except Exception as error:
            log.exception("run %d: it could not be started", run.id)
            self._fail(conn, run, f"it could not be started: {type(error).__name__}, see the log")
        return run

    def _fail(self, conn: Connection, run: Run, message: str) -> None:
        self._finish(conn, run, Verdict(state=RunState.FAILED, message=storable(message)))

    def _finish(self, conn: Connection, run: Run, verdict: Verdict) -> None:
        """End a run of which nothing is held."""
        complete = verdict.state is not RunState.LOST
        events = None if run.playing_at is None else False
        stored = moves.Stored(complete=complete, truncated=False, events=events)
        if moves.finish(conn, run, verdict, actor=self._runner, **stored):
            log.error("run %d: %s", run.id, verdict.message, extra={"run": run.id})

    def recover(self, conn: Connection, held: Collection[UUID]) -> None:
        """Queue again what we have claimed and do not hold: an answer of Postgres was lost.

        Nothing of it has run if its leader was never registered.
        """
        for run in leases.held_by(conn, self._runner):
            if run.lease_token in held:
                continue
            if moves.release(conn, run, actor=self._runner):
                log.warning("run %d: queued again, its claim was not heard of", run.id)
            elif run.leader_pid is None:
                never = End(exit_code=None, why="stop", never_started=True)
                self._finish(conn, run, judge(run, never))
            elif not family.find(self.installation).get(run.id):
                # A standby took over that had not heard of its end: nobody can tell it any more.
                message = "its end was lost with the Postgres that had it"
                self._finish(conn, run, Verdict(state=RunState.LOST, message=message))

    def _order(self, run: Run, opened: dict[str, Credential], gate_until: float) -> Live:
        secrets = self._vault.open(run.secrets)
        directory = make_directory(self._settings.runs_directory, self.installation, run.id)
        try:
            output = Output(
                directory,
                to_hide(secrets, opened),
                self._settings.output_limit,
                stored=run.output_bytes,
                is_truncated=run.output_truncated,
            )
            file = directory / "order.json"
            file.touch(0o600)
            order = make_order(run, secrets, opened, directory, self.installation, self._settings)
            file.write_text(json.dumps(order))
            kept = None if order["start"] == "cold" else self._zygotes.take(run.template)
            kept = kept or self._keepers.take()
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        group = self._containment.group(self.installation, directory.name)
        kept.order(
            {
                "run": run.id,
                "installation": self.installation,
                "grace": run.spec["grace"],
                "leave_async": run.spec.get("leave_async", False),
                "record": str(directory / "status.jsonl"),
                "cgroup": str(group.directory) if group else None,
                # Once the lease has run out another machine may write that nothing of it lives.
                "gate_until": gate_until,
                "order": {"file": str(file)},
            }
        )
        limit = self._settings.event_limit
        return Live(run, kept, output, directory, group, event_limit=limit)
