"""How a run is settled when its family is gone, and what is swept away after it."""

import logging
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from runner import family
from runner.command import control_path
from runner.judge import judge
from runner.live import Live
from runner.run import Run
from runner.store import moves, runs, verdicts
from runner.store.connection import Connection

log = logging.getLogger(__name__)


class Ends:
    """Writes final rows and removes the directories of runs."""

    def __init__(self, runner: str) -> None:
        """Settle runs for the runner of that name."""
        self._runner = runner
        # A large tree takes a second to remove: not in the loop, which must hear.
        self._remover = ThreadPoolExecutor(max_workers=1, thread_name_prefix="remover")

    def settle(self, conn: Connection, live: Live, *, shutting_down: bool) -> Run | None:
        """Judge and write the final row. None when it was not ours to write any more."""
        run = runs.find(conn, live.run.id)
        assert run is not None  # live rows are never deleted
        verdict = judge(run, live.end(shutting_down=shutting_down))
        finished = moves.finish(
            conn,
            live.run,
            verdict,
            actor=self._runner,
            complete=live.is_complete,
            truncated=live.output.is_truncated,
        )
        tag = {"run": run.id, "state": verdict.state, "exit_code": verdict.exit_code}
        if finished is None:
            late = {"state": verdict.state, **verdict.detail(), "runner": self._runner}
            verdicts.record_late(conn, run.id, late)
            log.warning("run %d: %s, too late", run.id, verdict.state, extra=tag)
        else:
            log.info("run %d: %s: %s", run.id, verdict.state, verdict.message, extra=tag)
        return finished

    def sweep(self, live: Live, installation: str) -> None:
        """End a family whose keeper was killed: by mark and brand, since nothing is above it."""

        def members() -> list[family.Member]:
            return family.find(installation).get(live.run.id, [])

        ended = family.end(members, grace=0)
        survivors = [
            {"pid": member.pid, "uid": None, "command": live.output.mask.text(member.command)}
            for member in ended.survivors
        ]
        live.note_sweep(ended.killed, survivors)

    def remove_directory(self, directory: Path) -> None:
        """Remove all that a run had on this machine."""
        self._remover.submit(_remove, directory)

    def close(self) -> None:
        """Wait for the last removal."""
        self._remover.shutdown()


def _remove(directory: Path) -> None:
    shutil.rmtree(control_path(directory), ignore_errors=True)
    shutil.rmtree(directory, onerror=lambda _, path, error: log.warning("%s: %s", path, error[1]))
