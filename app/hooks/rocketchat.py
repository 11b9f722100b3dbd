"""Rocket.Chat: outgoing integrations, by the token in the body. Without one nothing is believed."""

from collections.abc import Mapping
from typing import Any, Final

from app.hooks import content as look
from app.hooks.body import Content, read_json, read_unproven
from app.hooks.chat_sender import Command, Say, Silence
from app.hooks.incoming import JSON, Incoming, Keys, require_secret
from app.hooks.plain import fenced
from app.hooks.said import behind, called, delivery, identity, typed, who
from app.hooks.sender import Handshake

MEDIA_TYPES: Final = (JSON,)
LIMIT: Final = 2**20
MOST_ANSWER: Final = 4_900  # characters; a message has room for 5,000 unless the server says more


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Compare the token."""
    require_secret(keys, look.text(read_unproven(read, incoming), "/token") or "")


def read(incoming: Incoming) -> Content:
    """Read the JSON."""
    return read_json(incoming.body)


def command(content: Content, keys: Keys) -> Command | Handshake | Silence:
    """Tell what was written behind the trigger word."""
    if content.get("bot") or content.get("isEdited"):
        return Silence(why="a bot's message, or an edit")
    said, word = look.text(content, "/text") or "", look.text(content, "/trigger_word") or ""
    return Command(
        text=typed(behind(word, said)),
        user=who(content, "/user_id"),
        channel=identity(content, "/channel_id"),
        user_name=called(content, "/user_name"),
        delivery=delivery(look.text(content, "/message_id")),
    )


def answer(say: Say, content: Content, keys: Keys) -> Mapping[str, Any] | str:
    """Write a message into the channel."""
    return {"text": fenced(say.text, MOST_ANSWER)}
