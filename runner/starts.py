"""How a run gets from the queue into the hands of a keeper."""

import json
import logging
import secrets as random
from pathlib import Path
from uuid import UUID, uuid4

from runner import machine
from runner.errors import RunnerError
from runner.judge import Verdict
from runner.kept import Keepers
from runner.live import Live
from runner.orders import make_order
from runner.output import Output
from runner.run import Run, RunState
from runner.settings import Settings
from runner.store import moves, runs
from runner.store.connection import Connection
from runner.vault import Vault

log = logging.getLogger(__name__)


class Starts:
    """Claims runs and hands them to keepers."""

    def __init__(self, runner: str, settings: Settings, keepers: Keepers) -> None:
        """Start runs for the runner of that name."""
        self._runner = runner
        self._settings = settings
        self._keepers = keepers
        self._vault = Vault(settings.secret_key)
        #: The mark of this Curtain; known once the first run has been claimed.
        self.installation = ""
        #: Claims whose answer was lost: perhaps they are ours.
        self._unsure: dict[UUID, int] = {}

    def start(self, conn: Connection, run_id: int) -> Live | None:
        """Claim and order. None when it was not queued any more, or failed at once."""
        run = self._claim(conn, run_id)
        if run is None:
            return None
        log.info("run %d: claimed", run.id, extra={"run": run.id, "template": run.template})
        try:
            return self._order(conn, run)
        except (OSError, RunnerError) as error:
            message = f"it could not be started: {error}"
            verdict = Verdict(state=RunState.FAILED, message=message)
            moves.finish(conn, run, verdict, actor=self._runner, complete=True, truncated=False)
            log.error("run %d: %s", run.id, message, extra={"run": run.id})
            return None

    def _claim(self, conn: Connection, run_id: int) -> Run | None:
        token = uuid4()
        self._unsure[token] = run_id
        run = moves.claim(
            conn,
            run_id,
            runner=self._runner,
            machine=self._settings.machine,
            boot=machine.boot(),
            token=token,
            lease=self._settings.lease,
        )
        del self._unsure[token]
        return run

    def release_unsure(self, conn: Connection) -> None:
        """Give back what was claimed without our hearing of it."""
        for token, run_id in list(self._unsure.items()):
            moves.release(conn, run_id, token, actor=self._runner)
            del self._unsure[token]

    def _order(self, conn: Connection, run: Run) -> Live:
        self.installation = self.installation or runs.installation(conn)
        secrets = self._vault.open(run.secrets)
        directory = self._make_directory(run)
        order = make_order(run, secrets, directory, self.installation, self._settings)
        file = directory / "order.json"
        file.touch(0o600)
        file.write_text(json.dumps(order))
        kept = self._keepers.take()
        kept.order(
            {
                "run": run.id,
                "installation": self.installation,
                "grace": run.spec["grace"],
                "record": str(directory / "status.jsonl"),
                "order": {"file": str(file)},
            }
        )
        output = Output(directory, secrets, self._settings.output_limit)
        return Live(run, kept, output, directory)

    def _make_directory(self, run: Run) -> Path:
        """A directory that no other attempt has had."""
        directory = self._settings.runs_directory / f"{run.id}-{random.token_hex(4)}"
        directory.mkdir(mode=0o700, parents=True)
        return directory
