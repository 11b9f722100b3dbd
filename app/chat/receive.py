"""A command from a chat, from its signature to its answer: always one, and within seconds."""

import json
import logging
import uuid
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any

from flask import Response

from app import auditing
from app.auditing import doer, note
from app.chat import actions
from app.chat.action import Action, Denial, Done, Refusal
from app.chat.asker import Asker, asker_of
from app.chat.grammar import Ask, Misunderstood, understand
from app.chat.in_time import DATABASE_AWAY, in_time
from app.chat.replying import place_of
from app.hooks.chat_sender import ChatSender, Command, Say, Silence
from app.hooks.incoming import Incoming, Unreadable
from app.hooks.opened import OpenedHook
from app.hooks.people import ChatHook
from app.hooks.sender import Handshake
from app.operations import JSON
from app.problems import Problem
from app.rights import Right
from app.services import Services
from jobs import says
from runner.noting import Doer
from runner.store import deliveries
from runner.store.connection import Connection
from runner.store.deliveries import Noted

log = logging.getLogger(__name__)


def receive_command(
    services: Services, hook: OpenedHook, sender: ChatSender, incoming: Incoming, *, can_act: bool
) -> Response:
    """Answer what somebody has typed or pressed. The sender is believed; the person may be anybody.

    What is wrong is told in words, privately, with 200: of an error a chat shows nothing. So is
    that nothing is done, where nobody *can_act*: the hook is only remembered.
    """
    assert isinstance(hook.spec, ChatHook)
    try:
        content = sender.read(incoming)
        told = sender.command(content, hook.keys)
    except Unreadable as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from None
    match told:
        case Handshake():
            return write(told.answer)
        case Silence():
            log.debug("hook %s: nothing was said to us: %s", hook.name, told.why)
            return write("")
    place = place_of(hook, told)

    def later(say: Say) -> None:
        body = sender.answer(say, content, hook.keys)
        if place is not None and isinstance(body, Mapping):
            says.enqueue(services.hasty_redis, services.vault, place, dict(body))

    say = DATABASE_AWAY
    if can_act:
        asker = asker_of(hook.spec, hook.name, told)
        work = partial(converse, services, hook, told, place, asker, doer(asker.name))
        say = in_time(services.threads, work, later)
    if told.is_answered_at_reply:
        later(say)
        return write("")
    return write(sender.answer(say, content, hook.keys))


def write(body: Any) -> Response:
    """Write what a chat wants to read."""
    if isinstance(body, str):
        return Response(body, content_type="text/plain; charset=utf-8")
    return Response(json.dumps(body), content_type=JSON)


def converse(
    services: Services,
    hook: OpenedHook,
    command: Command,
    place: dict[str, Any] | None,
    asker: Asker,
    who: Doer,
) -> Say:
    """Do what was said, once, and say what came of it. Runs are told of at *place* as they go."""
    reply = services.vault.seal(place or {})
    try:
        ask = understand(command.text)
    except Misunderstood as error:
        return Say(text=str(error))
    noted = _noted(hook, command, ask)
    with services.connection() as conn:
        if not asker.may_anything:
            why = f"Sorry, {_named(command)} may not use me here."
            return _deny(conn, noted, hook, who, Denial(why, Right.READ))
        try:
            done = _act_once(
                Action(services=services, conn=conn, asker=asker, who=who, reply=reply), ask, noted
            )
        except Denial as error:
            return _deny(conn, noted, hook, who, error)
        except Refusal as error:
            deliveries.note(conn, noted, "refused", str(error))
            return Say(text=str(error))
    actions.hasten(services, done)
    return done.say


def _act_once(action: Action, ask: Ask, noted: Noted) -> Done:
    """Do it in one transaction with the delivery: what comes again makes no second run."""
    conn = action.conn
    with conn.transaction():
        delivery = deliveries.note(conn, noted, "answered", None)
        if delivery is None:
            first = deliveries.repeat(conn, noted)
            return Done(Say(text=f"That came before: it is run {first.run_id}."))
        done = actions.act(action, ask)
        if done.run is not None:
            deliveries.settle(conn, delivery, done.run.id)
    return done


def _deny(conn: Connection, noted: Noted, hook: OpenedHook, who: Doer, denial: Denial) -> Say:
    """Refuse politely, in private, and so that somebody can find it later."""
    why = str(denial)
    with conn.transaction():
        deliveries.note(conn, noted, "denied", why)
        detail = {"right": denial.right, "verb": noted.event["verb"]}
        note(conn, who, auditing.Action.REFUSED, f"hook {hook.name}", detail=detail)
    log.warning("hook %s: denied: %s: %s", hook.name, noted.event, why)
    return Say(text=why)


def _named(command: Command) -> str:
    """Name the ids, so that whoever looks after the hook can be told them."""
    ids = {
        "user": command.user,
        "channel": command.channel,
        "workspace": command.workspace,
    }
    listed = ", ".join(f"{name} {value}" for name, value in ids.items() if value)
    return f"{command.user_name or 'you'} ({listed})"


def _noted(hook: OpenedHook, command: Command, ask: Ask) -> Noted:
    """What is noted of it: who, where and what, but no value, which may be a secret."""
    about = {
        "verb": ask.verb,
        "run": ask.run_id,
        "template": ask.template[:63] or None,
        "user": command.user,
        "user_name": command.user_name or None,
        "workspace": command.workspace,
        "channel": command.channel,
        "button": command.is_button or None,
    }
    return Noted(
        hook=hook.name,
        key=command.delivery or f"unnumbered:{uuid.uuid4().hex}",
        ref="",
        event={name: value for name, value in about.items() if value is not None},
        headers={},
        content=None,
    )
