"""Deliveries: what came in through a hook, why nothing ran, and doing one again."""

from dataclasses import replace
from http import HTTPStatus

from flask import Response

from app.api.hooks import find_hook
from app.api.pages import cut
from app.api.requests import DeliveriesQuery, TrialBody
from app.hooks.body import Content
from app.hooks.decide import refusal
from app.hooks.event import Event, faults
from app.hooks.hook_answers import (
    DeliveryAnswer,
    DeliveryPage,
    HookAnswer,
    TakenAnswer,
    TrialAnswer,
)
from app.hooks.noting import unpack
from app.hooks.opened import OpenedHook, open_hook
from app.hooks.receive import respond, take_all, understand
from app.hooks.sender import Handshake
from app.hooks.senders import EVENT_SENDERS
from app.hooks.taking import Decision, Message, Outcome, want
from app.hooks.triggering import Triggering
from app.operations import Operation, answer
from app.problems import Problem, invalid
from app.services import Services
from runner.store import deliveries, templates
from runner.store.connection import Connection
from runner.template import Refused


def list_deliveries(services: Services, name: str, query: DeliveriesQuery) -> Response:
    """List what came in through a hook, the newest first, and what was decided of it."""
    with services.connection() as conn:
        find_hook(conn, name)
        rows = deliveries.page(
            conn,
            name,
            before=query.before,
            decision=query.decision,
            limit=query.limit + 1,
        )
    shown, following = cut(rows, query.limit, "before", lambda row: row.id)
    return answer(
        DeliveryPage(deliveries=[DeliveryAnswer.of(row) for row in shown], next=following)
    )


def redeliver(services: Services, name: str, delivery_id: int) -> Response:
    """Take a delivery again, as if it had not come before: by the hook's rules of now.

    409 when its content was not kept, or cannot be understood any more.
    """
    with services.connection() as conn:
        hook = open_hook(find_hook(conn, name), services.vault)
        first = deliveries.find(conn, name, delivery_id)
        if first is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"there is no delivery {delivery_id} of {name!r}")
        kept = deliveries.kept(conn, delivery_id)
    content = unpack(kept)
    if content is None or not isinstance(hook.spec, Triggering):
        raise Problem(HTTPStatus.CONFLICT, "its content was not kept: let its sender send it again")
    told = understand(EVENT_SENDERS[hook.sender], kept.headers, content)
    events = [] if isinstance(told, Handshake) else told
    again = [event for event in events if (event.ref or "") == first.ref]
    if not again:
        raise Problem(HTTPStatus.CONFLICT, "the hook's sender is another by now")
    message = _message(hook, hook.spec, kept.headers, content, redelivery_of=first.id)
    number = f"redelivery {first.id}.{first.times}"
    with services.connection() as conn:
        deliveries.count(conn, first.id)
    return respond(
        take_all(services, message, [replace(event, delivery=number) for event in again])
    )


def try_hook(services: Services, name: str, body: TrialBody) -> Response:
    """Tell what a hook would do with a delivery. Nothing is run, and nothing noted."""
    with services.connection() as conn:
        hook = open_hook(find_hook(conn, name), services.vault)
        if not isinstance(hook.spec, Triggering):
            raise Problem(HTTPStatus.CONFLICT, f"{name!r} is of a chat: it has no rules")
        sender = EVENT_SENDERS[hook.sender]
        headers = {each.lower(): value for each, value in body.headers.items()}
        told = understand(sender, headers, body.payload)
        if isinstance(told, Handshake):
            raise invalid([("payload", f"nothing would be run: {told.why}")])
        message = _message(hook, hook.spec, headers, body.payload)
        tried = [_try(services, conn, message, event) for event in told]
    return answer(
        TrialAnswer(
            events=[_shown(event) for event in told],
            decisions=[TakenAnswer.of(outcome) for outcome, _, _ in tried],
            vars=[values for _, values, _ in tried],
            overrides=[overrides for _, _, overrides in tried],
        )
    )


def _message(
    hook: OpenedHook,
    spec: Triggering,
    headers: dict[str, str],
    content: Content,
    redelivery_of: int | None = None,
) -> Message:
    return Message(
        hook=hook.name,
        sender=hook.sender,
        spec=spec,
        content=content,
        headers=headers,
        digest="",
        redelivery_of=redelivery_of,
    )


Tried = tuple[Outcome, Content | None, Content | None]


def _try(services: Services, conn: Connection, message: Message, event: Event) -> Tried:
    stored = templates.find(conn, message.spec.template)
    assert stored is not None  # a hook keeps its template
    if wrong := faults(event):
        return _outcome("refused", event, "; ".join(map(": ".join, wrong))), None, None
    repository = stored.spec["playbook"]["repository"]
    if why := refusal(message.spec, event, message.content, repository):
        return _outcome("ignored", event, why), None, None
    try:
        wanted = want(services.vault, message, event, stored.spec)
    except Refused as refused:
        return _outcome("refused", event, str(refused)), None, None
    return _outcome("queued", event, None), wanted.accepted, wanted.overrides


def _outcome(decision: Decision, event: Event, why: str | None) -> Outcome:
    return Outcome(decision=decision, ref=event.ref, why=why)


def _shown(event: Event) -> Content:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in event.facts().items()
    }


OPERATIONS = (
    Operation(
        method="GET",
        path="/hooks/<name>/deliveries",
        view=list_deliveries,
        query=DeliveriesQuery,
        answers={HTTPStatus.OK: DeliveryPage},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="POST",
        path="/hooks/<name>/deliveries/<delivery_id>/redeliver",
        view=redeliver,
        answers={HTTPStatus.ACCEPTED: HookAnswer, HTTPStatus.OK: HookAnswer},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
    Operation(
        method="POST",
        path="/hooks/<name>/test",
        view=try_hook,
        body=TrialBody,
        answers={HTTPStatus.OK: TrialAnswer},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
)
