"""From an event to a run: in one transaction with the delivery that it came by."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from pydantic import ValidationError

from app.auditing import Action, deed
from app.faults import faults_of
from app.hooks.body import Content
from app.hooks.decide import refusal
from app.hooks.event import Event, faults
from app.hooks.noting import LONGEST_KEY, LONGEST_REF, facts, key_of, number_of, pack, takes_secret
from app.hooks.senders import SIGN_NO_NUMBER
from app.hooks.triggering import Triggering
from app.hooks.values import extract, taken
from app.tracing import traceparent
from runner.acceptance import Refused, check
from runner.admission import Admitted, GroupBusy, admit
from runner.noting import Doer, note_given_way
from runner.run import Run, Trigger
from runner.store import deliveries, runs, stops, templates
from runner.store.connection import Connection
from runner.store.deliveries import Delivery, Noted
from runner.template import Overrides, restored
from runner.vault import Vault
from runner.wanted import Wanted

Decision = Literal["queued", "ignored", "refused", "rejected", "duplicate"]
#: Fields and what is wrong with them.
Faults = Sequence[tuple[str, str]]
MOST_VALUES: Final = 2**20  # bytes of all variables; other callers' requests have no more
MOST_REASON: Final = 300  # characters of a commit's message in the reason of a run


@dataclass(frozen=True, kw_only=True)
class Message:
    """What has come in, believed and understood."""

    hook: str
    sender: str
    spec: Triggering
    content: Content
    #: Those that its sender's file reads, by names in small letters.
    headers: Mapping[str, str]
    #: What tells its body from others.
    digest: str
    #: Who sends it, for the audit.
    who: Doer
    #: When it is done again by hand: which it was.
    redelivery_of: int | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What has come of one event."""

    decision: Decision
    ref: str | None
    #: Why nothing was queued, or why not again.
    why: str | None = None
    delivery: int | None = None
    #: The run, or the run that the same delivery has made before.
    run: Run | None = None
    run_id: int | None = None
    #: With the runs whose place it took.
    admitted: Admitted | None = None
    #: What is wrong with it, as field and message.
    faults: tuple[tuple[str, str], ...] = ()


def take(conn: Connection, vault: Vault, message: Message, event: Event) -> Outcome:
    """Decide, note and queue: all or nothing."""
    with conn.transaction():
        stored = templates.find(conn, message.spec.template)
        noted = _noted(message, event, stored.spec if stored else {})
        if stored is None:
            return _not_queued(conn, noted, event, "refused", "its template is gone")
        if wrong := faults(event):
            return _not_queued(conn, noted, event, "refused", None, wrong)
        repository = stored.spec["playbook"]["repository"]
        if why := refusal(message.spec, event, message.content, repository):
            return _not_queued(conn, noted, event, "ignored", why)
        delivery = deliveries.note(conn, noted, "refused", None)
        if delivery is None:
            return _duplicate(deliveries.repeat(conn, noted), event)
        if twin := deliveries.twin(conn, noted, delivery):
            return _repeated(conn, delivery, twin, event)
        try:
            wanted = want(vault, message, event, stored.spec)
        except Refused as refused:
            return _decide(conn, delivery, event, "refused", None, refused.faults)
        return _queue(conn, message, event, wanted, delivery)


def want(vault: Vault, message: Message, event: Event, spec: dict[str, Any]) -> Wanted:
    """Want the run that *event* asks for. Raise Refused naming what the template does not take."""
    values = extract(message.spec.vars, event, message.content)
    given = check(restored(spec), values, _overrides(message, event))
    if len(json.dumps(values)) > MOST_VALUES:
        raise Refused([("vars", f"hold more than {MOST_VALUES} bytes")])
    return Wanted(
        template=message.spec.template,
        spec=spec,
        accepted=given.values,
        secrets=vault.seal(given.secrets),
        overrides=given.overrides,
        trigger=Trigger.HOOK,
        by=f"hook {message.hook}",
        reason=reason(event),
        hook={
            "name": message.hook,
            "sender": message.sender,
            "delivery": number_of(event),
            "event": event.event[:LONGEST_KEY],
            "ref": event.ref,
            "sha": event.sha,
            "actor": (event.actor or "")[:LONGEST_KEY] or None,
            "repository": (event.repository or "")[:LONGEST_KEY] or None,
        },
    )


def _overrides(message: Message, event: Event) -> Overrides:
    if message.spec.ref is None:
        return Overrides()
    ref = taken(message.spec.ref, event, message.content)
    if not isinstance(ref, str):
        raise Refused([("ref", f"there is nothing at {message.spec.ref}")])
    try:
        return Overrides.model_validate({"ref": ref})
    except ValidationError as error:
        raise Refused(faults_of(error)) from None


def reason(event: Event) -> str:
    """Say in one line what has happened; what people wrote is only shown."""
    place = event.branch or event.tag
    words = [event.event[:LONGEST_KEY]]
    words += [f"of {event.sha[:12]}"] if event.sha else []
    words += [f"to {place}"] if place else []
    words += [f"by {event.actor[:LONGEST_KEY]}"] if event.actor else []
    said = " ".join(words)
    first = (event.message or "").strip().partition("\n")[0][:MOST_REASON]
    return f"{said}: {first}" if first else said


def _queue(
    conn: Connection, message: Message, event: Event, wanted: Wanted, delivery: int
) -> Outcome:
    """Queue the run, or not, where another of the template waits or runs."""
    when_busy = message.spec.when_busy
    if when_busy != "queue":
        stops.lock_waiting(conn, wanted.template)
    if when_busy == "reject" and (busy := runs.live_of_template(conn, wanted.template)):
        why = f"run {busy.id} of this template is {busy.state}"
        return _decide(conn, delivery, event, "rejected", why)
    noted = deed(message.who, Action.TRIGGER, reason=wanted.reason, delivery=delivery)
    try:
        admitted = admit(conn, replace(wanted, traceparent=traceparent()), noted)
    except GroupBusy as busy:
        return _decide(conn, delivery, event, "rejected", str(busy))
    assert admitted is not None  # it has no idempotency key
    run = admitted.run
    deliveries.settle(conn, delivery, run.id)
    if when_busy == "coalesce":
        older = stops.supersede(conn, run, by=wanted.by)
        admitted = replace(admitted, superseded=(*admitted.superseded, *older))
    note_given_way(conn, message.who, admitted)
    return Outcome(
        decision="queued",
        ref=event.ref,
        delivery=delivery,
        run=run,
        run_id=run.id,
        admitted=admitted,
    )


def _not_queued(
    conn: Connection,
    noted: Noted,
    event: Event,
    decision: Literal["ignored", "refused"],
    why: str | None,
    wrong: Faults = (),
) -> Outcome:
    """Note why nothing is run. One that has made a run before stays what it was."""
    said = _said(why, wrong)
    delivery = deliveries.note(conn, noted, decision, said)
    if delivery is None:
        return _duplicate(deliveries.repeat(conn, noted), event)
    return Outcome(
        decision=decision, ref=event.ref, why=said, delivery=delivery, faults=tuple(wrong)
    )


def _decide(
    conn: Connection,
    delivery: int,
    event: Event,
    decision: Literal["refused", "rejected"],
    why: str | None,
    wrong: Faults = (),
) -> Outcome:
    """Change what was noted of a delivery in this transaction."""
    said = _said(why, wrong)
    deliveries.decide(conn, delivery, decision, said)
    return Outcome(
        decision=decision, ref=event.ref, why=said, delivery=delivery, faults=tuple(wrong)
    )


def _said(why: str | None, wrong: Faults) -> str:
    return why or "; ".join(f"{field}: {text}" for field, text in wrong)


def _repeated(conn: Connection, delivery: int, first: Delivery, event: Event) -> Outcome:
    """Tell of the run of the same body; a number that nobody has signed makes no other one."""
    why = f"its body is that of delivery {first.id}"
    deliveries.decide(conn, delivery, "ignored", why)
    return Outcome(
        decision="duplicate", ref=event.ref, why=why, delivery=delivery, run_id=first.run_id
    )


def _duplicate(first: Delivery, event: Event) -> Outcome:
    return Outcome(
        decision="duplicate",
        ref=event.ref,
        why="it came before",
        delivery=first.id,
        run_id=first.run_id,
    )


def _noted(message: Message, event: Event, spec: Mapping[str, Any]) -> Noted:
    is_kept = not takes_secret(message.spec, spec)  # it would be readable in the table
    signs_body_alone = message.sender in SIGN_NO_NUMBER and message.redelivery_of is None
    return Noted(
        hook=message.hook,
        key=key_of(event, message.digest),
        ref=(event.ref or "")[:LONGEST_REF],
        event=facts(event),
        # Without the number, which is the key already and may be of any length.
        headers={name: text for name, text in message.headers.items() if text != event.delivery},
        content=pack(message.content) if is_kept else None,
        redelivery_of=message.redelivery_of,
        digest=message.digest if signs_body_alone else None,
    )
