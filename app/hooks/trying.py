"""What a hook would do with a delivery: decided as if it had come, and neither run nor noted."""

from collections.abc import Sequence
from typing import NamedTuple

from app.hooks.body import Content
from app.hooks.decide import refusal
from app.hooks.event import Event, faults
from app.hooks.taking import Decision, Message, Outcome, want
from app.services import Services
from runner.acceptance import Refused
from runner.store import templates
from runner.store.connection import Connection


class Tried(NamedTuple):
    """What would come of one event; the variables and options only of one that would be run."""

    outcome: Outcome
    accepted: Content | None = None
    overrides: Content | None = None


def try_all(services: Services, message: Message, events: Sequence[Event]) -> list[Tried]:
    """Decide of each event. Whether another waits or runs, or it came before, is not looked at."""
    with services.connection() as conn:
        return [_try(services, conn, message, event) for event in events]


def _try(services: Services, conn: Connection, message: Message, event: Event) -> Tried:
    stored = templates.find(conn, message.spec.template)
    assert stored is not None  # a hook keeps its template
    if wrong := faults(event):
        return Tried(_outcome("refused", event, "; ".join(map(": ".join, wrong))))
    repository = stored.spec["playbook"]["repository"]
    if why := refusal(message.spec, event, message.content, repository):
        return Tried(_outcome("ignored", event, why))
    try:
        wanted = want(services.vault, message, event, stored.spec)
    except Refused as refused:
        return Tried(_outcome("refused", event, str(refused)))
    return Tried(_outcome("queued", event, None), wanted.accepted, wanted.overrides)


def _outcome(decision: Decision, event: Event, why: str | None) -> Outcome:
    return Outcome(decision=decision, ref=event.ref, why=why)
