"""Where a run stands, in a word, in a shape and in a sentence. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from app.page.words import counted, span
from runner.ladder import ASK
from runner.run import Run, RunState

#: What each kind is called; it has a colour in states.css and a shape in shapes.html.
NAMES: Final = {
    "queued": "queued",
    "running": "running",
    "stopping": "stopping",
    "stale": "not known",
    "succeeded": "succeeded",
    "failed": "failed",
    "stopped": "stopped",
    "timed_out": "timed out",
    "interrupted": "interrupted",
    "lost": "lost",
}
PHASES: Final = {"preparing": "preparing: it fetches the repository", "playing": "playing"}


@dataclass(frozen=True, kw_only=True)
class Status:
    """How a run is shown."""

    #: One of NAMES.
    kind: str
    #: What is to be said beside the name; empty when there is nothing.
    sentence: str
    #: When its family is killed; None unless it is being stopped.
    kill_at: datetime | None = None

    @property
    def name(self) -> str:
        """The word for it."""
        return NAMES[self.kind]


def kind_of(run: Run) -> str:
    """Tell which of NAMES it is. What nobody has heard of lately is never called running."""
    if run.state is not RunState.RUNNING:
        return str(run.state)
    if run.stale:
        return "stale"
    return "stopping" if run.is_stopping else "running"


def status(run: Run, now: datetime, *, why: str = "") -> Status:
    """Say where *run* stands; *why* it waits, if it is queued."""
    kind = kind_of(run)
    match kind:
        case "queued":
            return Status(kind=kind, sentence=why)
        case "running":
            return Status(kind=kind, sentence=PHASES.get(run.phase or "", ""))
        case "stopping":
            return Status(kind=kind, sentence=_stopping(run), kill_at=kill_at(run))
        case "stale":
            return Status(kind=kind, sentence=_stale(run, now))
        case _:
            return Status(kind=kind, sentence=run.message or "")


def kill_at(run: Run) -> datetime | None:
    """When whoever is left is killed. None if no stop was asked for."""
    if run.stop_requested_at is None:
        return None
    grace: float = run.spec.get("grace", 10)
    planned = run.stop_requested_at + timedelta(seconds=(ASK + grace) if grace else 0)
    return min(planned, run.force_requested_at) if run.force_requested_at else planned


def survivors(found: list[dict[str, Any]]) -> str:
    """Say who would not die; empty if nobody."""
    if not found:
        return ""
    named = ", ".join(f"{each.get('command', '?')} ({each.get('pid', '?')})" for each in found[:3])
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"{counted(len(found), 'process', 'processes')} would not die: {named}{more}"


def living(run: Run) -> str:
    """Say what is known of the processes of *run*, which is not running."""
    if run.state is RunState.LOST:
        return "It is lost: whether any of its processes is alive is not known."
    if run.left_running:
        many = counted(len(run.left_running), "process", "processes")
        return f"It has ended and left {many} running, as its template allows."
    return "It is not running: none of its processes is alive."


def _stopping(run: Run) -> str:
    if told := survivors(run.survivors):
        return told
    who = run.force_requested_by or run.stop_requested_by
    how = "forced by" if run.force_requested_at else "asked for by"
    return f"{how} {who}"


def _stale(run: Run, now: datetime) -> str:
    if run.heartbeat_at is None:
        return "its runner is silent"
    silent = span((now - run.heartbeat_at).total_seconds())
    asked = "; a stop was asked for" if run.is_stopping else ""
    return f"its runner has been silent for {silent}{asked}"
