"""A run that this runner holds: what its keeper says, and what was asked of it."""

import logging
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner import asked, recipe
from runner.asked import Asked
from runner.cgroup import Group
from runner.judge import End, storable
from runner.kept import Kept
from runner.output import Output
from runner.recipe import Recipe
from runner.record import read_lines, recall
from runner.run import Run
from runner.store import moves
from runner.store.connection import Connection
from runner.telling import Telling
from runner.tenure import Tenure
from runner.told import Told

log = logging.getLogger(__name__)

EMPTY_LOOKS = 5  # in a row, without an orphan that ended meanwhile, until a family is gone
HOLD = 0.5  # seconds to wait for our own SIGTERM when a leader has died of one


class Live:
    """One family, its keeper and its row.

    Only `stop`, `force` and `mask` are called by the listener's thread.
    """

    def __init__(
        self,
        run: Run,
        kept: Kept,
        out: Output,
        directory: Path,
        group: Group | None = None,
        *,
        event_limit: int,
    ) -> None:
        """Hold *run*, whose keeper has its order; keep up to *event_limit* events of it."""
        #: What its playbook tells beside its output.
        self.telling = Telling(directory, out.mask, event_limit)
        #: Our right to the run, and what Postgres is still to be told of it.
        self.tenure = Tenure(run, out, self.telling, self.force)
        self.kept = kept
        self.output = out
        #: All that the run has on this machine.
        self.directory = directory
        #: The cgroup that was meant for its family. None without cgroups.
        self.group = group
        self.began_at = time.monotonic()
        self.deadline = self.began_at + float(run.spec["timeout"])
        #: Nobody of the family is left but the async jobs that may be.
        self.is_gone = False
        self.gone_at: float | None = None
        self.keeper_has_ended = False
        #: It ended without proof: whoever carries the mark must be found and ended.
        self.keeper_was_killed = False
        self.output_is_open = True
        #: How often its end was tried to be written.
        self.tries = 0
        self._asked = Asked(kept, float(run.spec["grace"]))
        self._told = Told()
        self._gate_is_open = False
        #: Of the recipe that its leader has left; None before, and once it was taken.
        self._recipe: str | None = None
        #: Sweeps that reached somebody, and looks in a row that found nobody.
        self._sweeps = self._empty_looks = 0
        #: The survivors that were named last.
        self._named: list[dict[str, Any]] = []

    def take_recipe(self) -> Recipe | None:
        """By what its next start could be warm, told once. None if it was, or shall not be."""
        if (digest := self._recipe) is None:
            return None
        self._recipe = None
        return recipe.take(self.directory, digest)

    # What is asked of it

    def stop(self) -> None:
        """Somebody asked for a stop."""
        self._asked.ask(asked.STOP)

    def force(self) -> None:
        """Somebody asked for a stop without grace."""
        self._asked.ask(asked.FORCE)

    def interrupt(self) -> None:
        """The runner is being shut down."""
        self._asked.ask(asked.INTERRUPT)

    def enforce_limits(self, now: float) -> None:
        """End it when its time is up; kill a keeper that was asked to and does not."""
        if now > self.deadline:
            self._asked.ask(asked.TIME_OUT)
        if self._asked.is_unanswered(now) and not self.is_gone:
            log.error("run %d: its keeper does not answer and is killed", self.run.id)
            self._asked.answered()
            self._told.signalled("KILL", self._asked.why)  # the leader dies with its keeper
            self.kept.kill()

    # What its keeper says

    def hear(self, line: dict[str, Any]) -> None:
        """Take one status line."""
        log.debug("run %d: %s", self.run.id, line, extra=self._tag)
        self._told.hear(line)
        getattr(self, f"_on_{line['event']}")(line)

    def _on_unled(self, line: dict[str, Any]) -> None:
        """Note nothing: that its keeper ends tells all."""

    def _on_started(self, line: dict[str, Any]) -> None:
        self.tenure.add(lambda conn: self._register(conn, line))

    def _on_entered(self, line: dict[str, Any]) -> None:
        if line["outside"] is not None:
            log.warning("run %d: it has no cgroup: %s", self.run.id, line["outside"])

    def _register(self, conn: Connection, line: dict[str, Any]) -> None:
        """Record the leader that waits at the gate, then let it go on, or not."""
        who = {"leader": line["pid"], "created": line["created"], "keeper": line["keeper"]}
        registered = moves.register(conn, self.run, directory=str(self.directory), **who)
        if registered is None:
            self.tenure.lose()
            return
        self.tenure.run = registered
        log.info("run %d: group %d started", self.run.id, line["pid"], extra=self._tag)
        if self.run.force_requested_at:
            self.force()
        elif self.run.stop_requested_at:
            self.stop()
        else:
            self.kept.open_gate()
            self._gate_is_open = True

    def _on_prepared(self, line: dict[str, Any]) -> None:
        shas = {name: line[name] for name in ("playbook_sha", "inventory_sha")}
        self.tenure.move(lambda conn: moves.prepared(conn, self.run, **shas))

    def _on_installed(self, line: dict[str, Any]) -> None:
        told = ("source", "roles", "collections", "stale", "seconds")
        self.tenure.note("installed", {name: self._shown(line[name]) for name in told})

    def _shown(self, told: Any) -> Any:
        """Make what was told fit to be stored and seen."""
        match told:
            case str():
                return self.output.mask.text(storable(told))
            case dict():
                return {self._shown(name): self._shown(value) for name, value in told.items()}
        return told

    def _on_playing(self, line: dict[str, Any]) -> None:
        self.telling.open()
        how = {"start": "warm" if line.get("start") == "warm" else "cold"}
        if isinstance(why := line.get("why"), str):
            how["why"] = self._shown(why)
        if isinstance(digest := line.get("recipe"), str):
            self._recipe = digest
        self.tenure.move(lambda conn: moves.play(conn, self.run, how))

    def _on_refused(self, line: dict[str, Any]) -> None:
        self._told.refusal = self.output.mask.text(str(self._told.refusal))
        self.tenure.note("refused", {"code": line["code"], "message": self._told.refusal})

    def _on_signal(self, line: dict[str, Any]) -> None:
        told = {name: line[name] for name in ("signal", "to", "why", "after")}
        level = logging.INFO if line["signal"] == "INT" else logging.WARNING
        message = "run %d: SIG%s to %d processes, because of %s, after %.3f s"
        log.log(level, message, self.run.id, *told.values(), extra=self._tag)
        self.tenure.note("signalled", told)

    def _on_exit(self, line: dict[str, Any]) -> None:
        self.tenure.note("exited", {"code": line["code"]})

    def _on_survivors(self, line: dict[str, Any]) -> None:
        self._asked.answered()
        self.name_survivors(line["processes"])

    def name_survivors(self, survivors: list[dict[str, Any]]) -> None:
        """Tell who would not die; the run stays what it is."""
        survivors = self._masked(survivors)
        self._named = survivors
        log.warning("run %d: survivors: %s", self.run.id, survivors, extra=self._tag)
        self.tenure.move(lambda conn: moves.record_survivors(conn, self.run, survivors))

    def _masked(self, members: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        mask = self.output.mask
        return [{**member, "command": mask.text(member["command"])} for member in members]

    def _on_left(self, line: dict[str, Any]) -> None:
        count = len(line["processes"])
        log.info("run %d: %d processes of async jobs are left", self.run.id, count, extra=self._tag)

    def _on_gone(self, line: dict[str, Any]) -> None:
        """Believe it only when its keeper ends: whoever finds the pipe can write this (seen)."""
        if len(self._told.left) < line.get("left", 0):  # the list was too long for the pipe
            for told in self._recorded("left"):
                self.hear(told)

    def _recorded(self, *events: str) -> list[dict[str, Any]]:
        return [line for line in self._record() if line["event"] in events]

    def _record(self) -> list[dict[str, Any]]:
        return read_lines(self.directory / "status.jsonl")

    def _be_gone(self) -> None:
        self.is_gone = True
        self.gone_at = time.monotonic()
        self.telling.end()

    def note_keeper_end(self, code: int) -> None:
        """The keeper has ended: with 0 only if it saw the family gone, or all that may be left.

        If its pipe did not bring how, its record may: the pipe can overflow. A record alone proves
        nobody gone, a task can write into it, too.
        """
        self.keeper_has_ended = True
        self.keeper_was_killed = code != 0
        if not self._told.is_gone and recall(self._record()) is not None:
            unheard = ("left", "gone") if code == 0 else ()
            for line in self._recorded("exit", *unheard):
                if line["event"] != "exit" or not self._told.exit:
                    self.hear(line)
        if code == 0:
            self._be_gone()

    @property
    def is_being_swept(self) -> bool:
        """Whether its keeper was killed and somebody of its family may still live."""
        return self.keeper_was_killed and not self.is_gone

    def is_proved(self) -> bool:
        """Whether its family was born into a cgroup, and that is empty."""
        return self._told.is_contained and self.group is not None and self.group.is_empty()

    def note_stray(self) -> None:
        """An orphan has ended: what forks and exits in a loop may be between two looks."""
        self._empty_looks = 0

    def note_sweep(
        self, killed: int, survivors: list[dict[str, Any]], *, is_gone: bool, is_proved: bool
    ) -> None:
        """Take what came of ending the family in the dead keeper's place.

        *is_gone*: nobody was found; *is_proved*: nor can anybody have been missed.
        """
        if killed and not self._sweeps:
            log.warning("run %d: SIGKILL to %d orphans of its keeper", self.run.id, killed)
            self._told.signalled("KILL", self._asked.why)
            self.tenure.note("signalled", {"signal": "KILL", "to": killed, "why": "keeper_killed"})
        self._sweeps += bool(killed)
        if survivors != self._named:
            self.name_survivors(survivors)
        # One look can miss what forks and exits in a loop.
        self._empty_looks = self._empty_looks + 1 if is_gone else 0
        if is_proved or self._empty_looks >= EMPTY_LOOKS:
            self._be_gone()

    # What Postgres is still to be told

    @property
    def run(self) -> Run:
        """The run, as Postgres told it last."""
        return self.tenure.run

    @property
    def _tag(self) -> dict[str, int]:
        return {"run": self.run.id}

    def is_due(self, now: float, pace: float) -> bool:
        """Whether something should be written or judged now and not later."""
        return self.is_gone or self.tenure.is_due(now, pace)

    def write(self, conn: Connection) -> bool:
        """Write what is to be written in one turn. Whether that was news."""
        if self._asked.why is not None:
            self.telling.hurry()
        is_news = self.tenure.write(conn)
        if self.tenure.has_been_refused and self.run.leader_pid is None:
            self.force()  # its leader waits at a gate that nobody would open
        return is_news

    def is_over(self, now: float, *, shutting_down: bool) -> bool:
        """Whether the family is gone and its last byte is in our hands: it can be judged."""
        if not self.is_gone or self.output_is_open:
            return False
        is_recent = now - (self.gone_at or now) < HOLD
        return shutting_down or not (self._told.died_of_a_stranger and is_recent)

    def end(self, *, shutting_down: bool) -> End:
        """What is known of the family that is gone."""
        before_the_gate = self._asked.why if not self._gate_is_open else None
        end = self._told.end(never_started=not self._gate_is_open, why=before_the_gate)
        tail = self.output.tail.decode(errors="replace")
        left = () if self.keeper_was_killed else tuple(self._masked(end.left))
        return replace(end, shutting_down=shutting_down, tail=tail, left=left)
