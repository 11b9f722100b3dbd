"""Zulip: outgoing webhooks, Zulip's own or Slack's form, by the token in the body."""

import re
from collections.abc import Mapping
from typing import Any, Final

from app.hooks import content as look
from app.hooks.body import Content, read_json_or_form, read_unproven
from app.hooks.chat_sender import Command, Say, Silence
from app.hooks.incoming import FORM, JSON, Incoming, Keys, Unreadable, require_secret
from app.hooks.plain import fenced
from app.hooks.said import called, delivery, identity, typed, who
from app.hooks.sender import Handshake

MEDIA_TYPES: Final = (JSON, FORM)
LIMIT: Final = 2**20
MOST_ANSWER: Final = 9_000  # characters; a message has room for 10,000
#: @**Curtain** or @**Curtain|23** before what was said.
MENTION: Final = re.compile(r"\s*@_?\*\*[^*\n]{1,150}\*\*")

read = read_json_or_form


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Compare the token."""
    require_secret(keys, look.text(read_unproven(read, incoming), "/token") or "")


def command(content: Content, keys: Keys) -> Command | Handshake | Silence:
    """Tell what was written to the bot."""
    message = content.get("message")
    if isinstance(message, dict):
        said = look.text(content, "/data") or look.text(message, "/content")
        return Command(
            text=_said(said),
            user=who(message, "/sender_id"),
            workspace=identity(message, "/sender_realm_str"),
            channel=identity(message, "/stream_id"),
            user_name=called(message, "/sender_full_name"),
            delivery=delivery(identity(message, "/id")),
        )
    if "text" not in content:
        raise Unreadable("it holds no message")
    user, channel = who(content, "/user_id"), identity(content, "/channel_id")
    # Of a message this form tells no id but its second.
    said = look.text(content, "/text") or ""
    return Command(
        text=_said(said),
        user=user,
        workspace=identity(content, "/team_id"),
        channel=channel,
        user_name=called(content, "/user_name"),
        delivery=delivery(channel, user, identity(content, "/timestamp"), said),
    )


def answer(say: Say, content: Content, keys: Keys) -> Mapping[str, Any] | str:
    """Write a message to where the bot was asked, by the name that either form has for it."""
    text = fenced(say.text, MOST_ANSWER)
    return {"content": text} if isinstance(content.get("message"), dict) else {"text": text}


def _said(text: str | None) -> str:
    said = text or ""
    mention = MENTION.match(said)
    return typed(said[mention.end() :] if mention else said)
