"""Deliveries: what came in through a hook, why nothing ran, and doing one again."""

import json
from dataclasses import replace
from http import HTTPStatus

from flask import Response

from app.api.hook_requests import DeliveriesQuery, TrialBody
from app.api.hooks import find_hook
from app.api.pages import cut
from app.auditing import Action, doer, note
from app.auth import caller
from app.hooks.body import Content
from app.hooks.event import Event
from app.hooks.hook_answers import (
    DeliveryAnswer,
    DeliveryPage,
    HookAnswer,
    TakenAnswer,
    TrialAnswer,
)
from app.hooks.incoming import JSON, Incoming, Unreadable
from app.hooks.noting import unpack
from app.hooks.opened import OpenedHook, open_hook
from app.hooks.receive import respond, take_all, understand
from app.hooks.sender import EventSender, Handshake
from app.hooks.senders import EVENT_SENDERS
from app.hooks.taking import Message
from app.hooks.triggering import Triggering
from app.hooks.trying import try_all
from app.operations import Operation, answer
from app.problems import Problem, invalid
from app.rights import Right
from app.services import Services
from runner.store import deliveries


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
    with services.connection() as conn, conn.transaction():
        number = f"redelivery {first.id}.{deliveries.count(conn, first.id)}"
        target, detail = f"delivery {first.id}", {"hook": name, "ref": first.ref or None}
        template = hook.spec.template
        note(conn, message.who, Action.REDELIVER, target, template=template, detail=detail)
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
    content = _read(sender, body.payload)
    told = understand(sender, headers, content)
    if isinstance(told, Handshake):
        raise invalid([("payload", f"nothing would be run: {told.why}")])
    tried = try_all(services, _message(hook, hook.spec, headers, content), told)
    return answer(
        TrialAnswer(
            events=[_shown(event) for event in told],
            decisions=[TakenAnswer.of(each.outcome) for each in tried],
            vars=[each.accepted for each in tried],
            overrides=[each.overrides for each in tried],
        )
    )


def _read(sender: EventSender, payload: Content) -> Content:
    """Read it as what its sender has sent: within SNS' message there is another one."""
    body = json.dumps(payload).encode()
    try:
        return sender.read(Incoming(headers={"content-type": JSON}, body=body))
    except Unreadable as error:
        raise invalid([("payload", str(error))]) from None


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
        who=doer(caller().name),
        redelivery_of=redelivery_of,
    )


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
        right=Right.RUN,
        answers={HTTPStatus.ACCEPTED: HookAnswer, HTTPStatus.OK: HookAnswer},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
    Operation(
        method="POST",
        path="/hooks/<name>/test",
        view=try_hook,
        right=Right.READ,
        body=TrialBody,
        answers={HTTPStatus.OK: TrialAnswer},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
)
