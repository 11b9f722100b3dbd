"""What a runner has left of a run on this machine: a keeper, its record and a family."""

import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from runner import family, linux
from runner.family import PAUSE, Ended, Member
from runner.judge import End
from runner.leaving import Key, listed, unspared
from runner.linux import Stat
from runner.record import read_lines, recall, sum_up
from runner.run import Run
from runner.told import Line, Told

LAST_WORDS = 1.0  # seconds in which a keeper that is awake sees that its family is gone


class Estate:
    """One run whose lease is ours, and how its family is ended without its runner."""

    def __init__(self, run: Run, installation: str, still_ours: Callable[[], bool]) -> None:
        """*still_ours* tells whether the lease of *run* has not become another's."""
        self.run = run
        self._installation = installation
        self._still_ours = still_ours
        #: Whether nobody else had taken the lease when we last looked.
        self.is_ours = True
        #: The async jobs that its keeper has left alone.
        self._left: set[Key] = set()

    def told(self) -> Told:
        """What its keeper has written down so far."""
        return recollect(self.run)

    def keeper(self) -> Stat | None:
        """Its keeper, if that lives."""
        keeper = linux.read(self.run.keeper_pid or 0)
        if keeper is None or not keeper.is_alive or not _is_keeper(keeper.pid):
            return None
        # Its leader was forked by it: what is younger than that is another process of its number.
        return keeper if keeper.created <= (self.run.leader_created or 0) else None

    def members(self) -> list[Member]:
        """Who lives of its family; nobody as soon as the lease is another's.

        Whoever froze us may have let us sleep until the run was queued and started again: looked
        for first and asked for the lease then, nobody of that new family is among them.
        """
        marked = family.find(self._installation).get(self.run.id, [])
        keeper = self.keeper()
        # Below its keeper is also who has shed mark and brand.
        below = family.below(keeper.pid) if keeper is not None else []
        self.is_ours = self.is_ours and self._still_ours()
        return unspared(self._left, {*marked, *below}) if self.is_ours else []

    def end(self, why: str, grace: float) -> tuple[Ended, End | None]:
        """End the family; its end as far as it is known. None while somebody may live."""
        before = self.told()
        may_leave = before.is_gone and self.run.spec.get("leave_async")
        self._left = listed(before.left if may_leave else ())
        ended = family.end(self.members, grace)
        if ended.survivors or not self.is_ours or not self._hear_last_words():
            return ended, None
        return ended, _end_of(self.run, before, ended, why)

    def _hear_last_words(self) -> bool:
        """Let the keeper see the end, or kill one that cannot; tell whether nobody is left."""
        deadline = time.monotonic() + LAST_WORDS
        while not self.told().is_gone and (keeper := self.keeper()):
            if time.monotonic() > deadline:
                linux.send(keeper, signal.SIGKILL)  # it is frozen, as its runner is or was
                break
            time.sleep(PAUSE)
        return not self.members() and self.is_ours


def _is_keeper(pid: int) -> bool:
    """Whether it says so itself: below the wrong one, or below pid 1, are those of others."""
    return pid > 1 and b"runner.leader" in linux.contents(pid, "cmdline").split(b"\0")


def recollect(run: Run) -> Told:
    """What the keeper of *run* has written down."""
    return sum_up(_lines(run))


def _lines(run: Run) -> list[Line]:
    return read_lines(Path(run.directory or "/nonexistent") / "status.jsonl")


def _end_of(run: Run, before: Told, ended: Ended, why: str) -> End:
    """Add what we have done to what the keeper has seen; its leader may have ended *before* us."""
    names = {"TERM": ended.terminated, "KILL": ended.killed}
    ours = tuple(name for name, count in names.items() if count)
    lines = _lines(run)
    after = sum_up(lines)
    if after.exit is None:
        return End(exit_code=None, why=why, signalled=ours, never_started=run.leader_pid is None)
    end = recall(lines) or after.end()
    if not run.spec.get("leave_async"):
        end = replace(end, left=())
    if not ours or before.is_gone:
        return end
    end = replace(end, left=())  # nobody was spared
    if before.exit is not None:
        return end
    return replace(end, why=end.why or why, signalled=(*end.signalled, *ours))
