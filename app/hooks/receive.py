"""A delivery, from its first byte to its answer, in an order that tells strangers nothing.

Method, hook, size, raw bytes, signature, content type, content, handshake, rules, dedupe,
variables, one transaction, queue, answer. Before the signature there is only 401, 404, 405 and 413.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from flask import Response, request
from pydantic import JsonValue

from app.auditing import doer
from app.certificates import CertificatesAway
from app.chat.receive import receive_command
from app.hooks.chat_sender import ChatSender
from app.hooks.chats import CHAT_SENDERS
from app.hooks.event import Event
from app.hooks.fetched import FETCHED_FROM
from app.hooks.finding import database_away, find_called
from app.hooks.hook_answers import HookAnswer, TakenAnswer
from app.hooks.incoming import Denied, Incoming, Keys, Unreadable
from app.hooks.limits import seconds_denied, seconds_to_wait
from app.hooks.opened import OpenedHook
from app.hooks.sender import EventSender, Handshake
from app.hooks.senders import EVENT_SENDERS
from app.hooks.taking import Message, Outcome, take
from app.hooks.triggering import Triggering
from app.hooks.trying import try_all
from app.operations import JSON, answer
from app.problems import Problem, invalid, unavailable
from app.services import Services
from jobs import runs as jobs

log = logging.getLogger(__name__)

Sender = EventSender | ChatSender

SMALL: Final = 2**20  # bytes of a body that needs no room of its own
PATIENCE: Final = 5.0  # seconds to wait for that
MOST_EVENTS: Final = 20  # of one delivery; each would be a run


def receive(services: Services, name: str) -> Response:
    """Answer a delivery to the hook called *name*. Raise a Problem."""
    hook, is_remembered = find_called(services, name)
    sender = CHAT_SENDERS.get(hook.sender) or EVENT_SENDERS[hook.sender]
    with room_for_body(services):
        return _receive(services, hook, sender, is_remembered=is_remembered)


def _receive(
    services: Services, hook: OpenedHook, sender: Sender, *, is_remembered: bool
) -> Response:
    incoming = Incoming(headers=_headers(), body=read_raw(sender.LIMIT))
    believe(services, hook, sender, incoming)
    require_media_type(incoming, sender)
    if hook.sender in CHAT_SENDERS:
        chat = CHAT_SENDERS[hook.sender]
        return receive_command(services, hook, chat, incoming, can_act=not is_remembered)
    if is_remembered:
        raise database_away()
    return receive_events(services, hook, EVENT_SENDERS[hook.sender], incoming)


def receive_events(
    services: Services, hook: OpenedHook, sender: EventSender, incoming: Incoming
) -> Response:
    """Answer what a sender of events tells, which is believed. Raise a Problem."""
    try:
        content = sender.read(incoming)
    except Unreadable as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from None
    headers = {each: incoming.header(each) for each in sender.HEADERS if incoming.header(each)}
    told = understand(sender, headers, content)
    if isinstance(told, Handshake):
        log.info("hook %s: nothing is run: %s", hook.name, told.why)
        return greet(told)
    assert isinstance(hook.spec, Triggering)
    message = Message(
        hook=hook.name,
        sender=hook.sender,
        spec=hook.spec,
        content=content,
        headers=headers,
        digest=incoming.digest,
        who=doer(f"hook {hook.name}"),
    )
    if "dry_run" in request.args:
        return _rehearse(services, message, told)
    return respond(take_all(services, message, told))


def _headers() -> dict[str, str]:
    """All headers, by names in small letters; WSGI has joined those that came twice."""
    return {name.lower(): value for name, value in request.headers}


@contextmanager
def room_for_body(services: Services) -> Iterator[None]:
    """Let few large bodies in at once. Raise a 503 problem when there is no room for another."""
    length = request.content_length
    if length is not None and length <= SMALL:
        yield
        return
    if not services.large_bodies.acquire(timeout=PATIENCE):
        raise unavailable("too many large deliveries at once")
    try:
        yield
    finally:
        services.large_bodies.release()


def read_raw(limit: int) -> bytes:
    """Read the body up to *limit* bytes. Raise a 413 problem, whatever its length is said to be."""
    request.max_content_length = limit
    raw = request.get_data(cache=False)
    if len(raw) == limit:
        request.stream.read(1)  # Werkzeug cuts a chunked body there without a word
    return raw


def believe(services: Services, hook: OpenedHook, sender: Sender, incoming: Incoming) -> None:
    """Raise a 401 or 429 problem unless the sender is who it should be, and not too quick."""
    now = services.clock()
    try:
        sender.verify(incoming, _keys(services, hook, incoming), now)
    except CertificatesAway as error:
        log.error("hook %s: %s", hook.name, error)
        raise unavailable("the sender's certificates cannot be had; try again") from None
    except Exception as error:  # whatever a library raises for it: nobody is believed
        if not isinstance(error, Denied):
            log.warning("hook %s: a signature could not be looked at", hook.name, exc_info=error)
        _deny(services, hook, error, now)
    wait = seconds_to_wait(services.hasty_redis, hook.name, hook.spec.per_minute, now)
    if wait is not None:
        log.warning("hook %s: more than %d deliveries in a minute", hook.name, hook.spec.per_minute)
        raise _later("too many deliveries", wait)


def _keys(services: Services, hook: OpenedHook, incoming: Incoming) -> Keys:
    """What it is believed by, fetched where it is not ours. Raise Denied or CertificatesAway."""
    if hook.sender not in FETCHED_FROM:
        return hook.keys
    url = FETCHED_FROM[hook.sender](incoming, hook.keys)
    return replace(hook.keys, fetched=services.certificates.at(url))


def _deny(services: Services, hook: OpenedHook, error: Exception, now: float) -> None:
    """Tell nothing but that; the log is told why."""
    address = request.remote_addr or ""
    wait = seconds_denied(services.hasty_redis, address, now)
    if wait is not None:
        raise _later("too many deliveries that are not believed", wait) from None
    log.warning("hook %s: not believed, from %s: %s", hook.name, address, error)
    raise Problem(HTTPStatus.UNAUTHORIZED, "the signature is missing or wrong") from None


def _later(detail: str, seconds: int) -> Problem:
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS, detail, headers={"Retry-After": str(max(1, seconds))}
    )


def require_media_type(incoming: Incoming, sender: Sender) -> None:
    """Raise a 415 problem for what its sender never sends."""
    kind = incoming.media_type
    is_json = JSON in sender.MEDIA_TYPES and kind.endswith("+json")
    if (kind not in sender.MEDIA_TYPES and not is_json) or incoming.header("Content-Encoding"):
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {' or '.join(sender.MEDIA_TYPES)}, as it is"
        )


def understand(
    sender: EventSender, headers: dict[str, str], content: dict[str, JsonValue]
) -> list[Event] | Handshake:
    """Tell what has happened. Raise a 422 problem."""
    try:
        told = sender.events(headers, content)
    except Unreadable as error:
        raise invalid([("the body", str(error))]) from None
    if isinstance(told, list) and len(told) > MOST_EVENTS:
        # Nothing that a sender could do about it: it would only call us broken.
        first = f"it tells of {len(told)} refs, and no more than {MOST_EVENTS} are taken"
        return Handshake(answer={"runs": [], "why": first}, why=first)
    return told


def greet(told: Handshake) -> Response:
    """Answer what is only meant to see that somebody is there."""
    if isinstance(told.answer, str):
        return Response(told.answer, content_type="text/plain")
    return answer(HookAnswer.model_validate({"runs": [], "why": told.why, **told.answer}))


def take_all(services: Services, message: Message, events: Sequence[Event]) -> list[Outcome]:
    """Take one event after another, each in a transaction of its own; queue what is to be run."""
    outcomes = []
    for event in events:
        with services.connection() as conn:
            outcome = take(conn, services.vault, message, event)
        outcomes.append(outcome)
        log.info(
            "hook %s: delivery %s: %s%s",
            message.hook,
            outcome.delivery,
            outcome.decision,
            f", {outcome.why}" if outcome.why else "",
        )
        if outcome.admitted is not None:
            jobs.hand_over(services.hasty_redis, outcome.admitted)
    return outcomes


def _rehearse(services: Services, message: Message, events: Sequence[Event]) -> Response:
    """Tell what would come of it."""
    tried = [TakenAnswer.of(each.outcome) for each in try_all(services, message, events)]
    return answer(HookAnswer(runs=[], why="a dry run: nothing is run or noted", deliveries=tried))


def respond(outcomes: Sequence[Outcome]) -> Response:
    """202 when something was queued; else 422 when something is wrong, else 200: a host that
    sees errors switches its hook off."""
    taken = [TakenAnswer.of(outcome) for outcome in outcomes]
    status = HTTPStatus.OK
    if any(outcome.decision == "queued" for outcome in outcomes):
        status = HTTPStatus.ACCEPTED
    elif wrong := [fault for outcome in outcomes for fault in outcome.faults]:
        raise invalid(wrong)
    whys = dict.fromkeys(each.why for each in taken if each.why)
    return answer(
        HookAnswer(
            runs=[each.run for each in taken if each.run is not None],
            why="; ".join(whys) or None,
            deliveries=taken,
        ),
        status,
    )
