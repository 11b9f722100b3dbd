"""How a run is settled when its family is gone, and what is swept away after it."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from runner import family
from runner.directories import remove_directory
from runner.judge import End, Verdict
from runner.kept import Kept
from runner.leaving import unspared
from runner.linux import Sent
from runner.live import Live
from runner.run import Run, RunState
from runner.settlement import settle, verdict_on
from runner.store import moves, runs, verdicts
from runner.store.connection import Connection

log = logging.getLogger(__name__)

#: For an end that Postgres has refused to keep as it was.
PLAIN = Verdict(
    state=RunState.FAILED,
    message="how it ended could not be written: see the log",
    may_continue_on=None,
)


def late(verdict: Verdict, end: End) -> Verdict:
    """Say of a run whose lease was lost that it was ended for that, unless it ended by itself."""
    is_its_own_end = end.why is None and end.exit_code is not None and end.exit_code >= 0
    if is_its_own_end or verdict.state is not RunState.FAILED:
        return verdict
    message = "its lease had run out, so its family was ended"
    return replace(verdict, state=RunState.INTERRUPTED, message=message)


class Ends:
    """Writes final rows and removes the directories of runs."""

    def __init__(self, runner: str) -> None:
        """Settle runs for the runner of that name."""
        self._runner = runner
        #: Keepers that are about to end.
        self.closing: list[Kept] = []
        # A large tree takes a second to remove: not in the loop, which must hear.
        self._remover = ThreadPoolExecutor(max_workers=1, thread_name_prefix="remover")

    def settle(
        self, conn: Connection, live: Live, *, shutting_down: bool, in_plain_words: bool = False
    ) -> Run | None:
        """Judge and write the final row. None when it was not ours to write any more."""
        run = runs.find(conn, live.run.id)
        if run is None:
            log.error("run %d: its row was deleted while it ran", live.run.id)
            return None
        if self._was_ours(run, live):
            return run  # the answer to our first try was lost
        end = live.end(shutting_down=shutting_down)
        stored = moves.Stored(
            complete=live.tenure.is_complete,
            truncated=live.output.is_truncated,
            events=live.telling.is_complete(end.exit_code),
        )
        if run.lease_token != live.run.lease_token:
            settled = None
        elif in_plain_words:
            settled = moves.finish(conn, run, PLAIN, actor=self._runner, **stored)
        else:
            settled = settle(conn, run, end, actor=self._runner, **stored)
        if settled is None:
            verdict = verdict_on(run, end, str(live.directory))
            self._keep_late(conn, live, late(verdict, end) if live.tenure.is_lost else verdict)
        elif settled.is_final:
            tag = {"run": run.id, "state": settled.state, "exit_code": settled.exit_code}
            log.info("run %d: %s: %s", run.id, settled.state, settled.message, extra=tag)
        return settled

    def _was_ours(self, run: Run, live: Live) -> bool:
        """Whether the final row is the one that we have written."""
        is_this_attempt = run.attempt == live.run.attempt and run.holder == self._runner
        return run.is_final and run.state is not RunState.LOST and is_this_attempt

    def _keep_late(self, conn: Connection, live: Live, verdict: Verdict) -> None:
        result = {"state": verdict.state, **verdict.detail(), "runner": self._runner}
        verdicts.record_late(conn, live.run, result)
        log.warning("run %d: %s, too late", live.run.id, verdict.state)

    def sweep(self, live: Live, installation: str, children: set[int]) -> None:
        """Kill, once, what is left of a family whose keeper was killed; call it until it is gone.

        By cgroup, mark and brand, and by blood: the runner is a subreaper, so whatever is below it
        and below none of its *children* is an orphan of a keeper that was killed, unless it belongs
        to another run: an async job that was left, or whoever is swept for that run. By blood and
        cgroup only once the lease is another's: who carries the mark then may be of its next
        attempt.
        """
        try:
            families = family.find(installation)
            orphans = family.orphans(os.getpid(), children)
        except OSError as error:
            log.debug("run %d: nobody can be looked for: %s", live.run.id, error)
            return  # out of files: who lives cannot be told, the next look comes
        marked = families.pop(live.run.id, [])
        left = {} if live.tenure.is_lost else {member.pid: member for member in marked}
        others = {(each.pid, each.created) for members in families.values() for each in members}
        orphans = unspared(others, orphans)
        left |= {member.pid: member for member in orphans}
        sent = {pid: family.kill(member) for pid, member in left.items()}
        grouped = live.group.kill() if live.group else []
        sent |= {member.pid: Sent.REACHED for member in grouped}
        survivors = [
            family.survivor(left[pid]) for pid, what in sent.items() if what is Sent.REFUSED
        ]
        killed = sum(what is Sent.REACHED for what in sent.values())
        is_gone = not left and not grouped
        live.note_sweep(killed, survivors, is_gone=is_gone, is_proved=is_gone and live.is_proved())

    def remove(self, live: Live) -> None:
        """Remove all that a run had on this machine, its keeper last."""
        self._remover.submit(remove_directory, live.directory)
        if live.group is not None:
            self._remover.submit(live.group.remove)
        self.closing.append(live.kept)
        self._remover.submit(self._reap, live.kept)

    def _reap(self, kept: Kept) -> None:
        kept.reap()
        self.closing.remove(kept)

    def close(self) -> None:
        """Wait for the last removal."""
        self._remover.shutdown()
