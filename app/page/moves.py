"""Who did what to a run, in sentences. Pure."""

from typing import Any, Final

from app.page.words import counted, span
from runner.store.events import RunEvent

#: What each kind of event is called; one that is not here is called by its kind.
KINDS: Final = {
    "queued": "queued it",
    "claimed": "took it",
    "started": "started it",
    "prepared": "checked it out",
    "installed": "installed what it requires",
    "playing": "began to play",
    "stop_requested": "asked for a stop",
    "force_requested": "asked to kill it",
    "refused": "could not start it",
    "exited": "saw its leader end",
    "family_ended": "ended what was left of it",
    "survivors": "could not kill all of it",
    "approval": "wants approval",
    "approved": "approved of it",
    "retried": "had it tried again",
    "not_retried": "could not have it tried again",
    "chained": "had the next one run",
    "not_chained": "could not have the next one run",
    "ends_soon": "noted that its time is nearly up",
    "slow": "noted that it takes longer than usual",
    "requeued": "queued it again",
    "released": "gave it back",
    "stuck": "found its stop stuck",
    "succeeded": "noted that it succeeded",
    "failed": "noted that it failed",
    "stopped": "noted that it is stopped",
    "timed_out": "noted that its time was up",
    "interrupted": "noted that it was interrupted",
    "lost": "noted that it is lost",
}
#: Details that the sentence has already, or that are shown elsewhere.
KNOWN: Final = {"trigger", "leader", "keeper", "playbook_sha", "inventory_sha", "left_running"}


def sentence(event: RunEvent) -> str:
    """Say what was done; who did it stands beside it."""
    said = KINDS.get(event.kind, event.kind.replace("_", " "))
    if event.kind == "signalled":
        return _signalled(event.detail)
    return said


def details(event: RunEvent) -> list[tuple[str, Any]]:
    """What else the event tells, by name."""
    if event.kind == "signalled":
        return []
    return [
        (name.replace("_", " "), value)
        for name, value in event.detail.items()
        if name not in KNOWN and value not in (None, [], {}, "")
    ]


def _signalled(detail: dict[str, Any]) -> str:
    said = f"sent SIG{detail.get('signal', '?')}"
    if isinstance(reached := detail.get("to"), int):
        said += f" to {counted(reached, 'process', 'processes')}"
    seconds = detail.get("after")
    return f"{said} after {span(seconds)}" if isinstance(seconds, int | float) else said
