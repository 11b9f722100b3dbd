"""Telegram: a bot's updates, by the secret token that its webhook was set with."""

import re
from collections.abc import Mapping
from typing import Any, Final

from app.hooks import content as look
from app.hooks.body import Content, read_json
from app.hooks.chat_sender import Command, Say, Silence
from app.hooks.incoming import JSON, Incoming, Keys, Unreadable, require_secret
from app.hooks.plain import cut
from app.hooks.said import called, delivery, identity, typed, who
from app.hooks.sender import Handshake

MEDIA_TYPES: Final = (JSON,)
LIMIT: Final = 2**20
MOST_ANSWER: Final = 4_000  # characters; a message has room for 4,096 of UTF-16
#: /run or /run@curtain_bot, at the start of a message.
SLASH: Final = re.compile(r"\s*/(\w{1,32})(?:@\w{1,64})?(?=\s|$)", re.ASCII)


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Compare the secret token."""
    require_secret(keys, incoming.header("X-Telegram-Bot-Api-Secret-Token"))


def read(incoming: Incoming) -> Content:
    """Read the JSON."""
    return read_json(incoming.body)


def command(content: Content, keys: Keys) -> Command | Handshake | Silence:
    """Tell of a command, or of any text in a talk with the bot alone."""
    update = identity(content, "/update_id")
    if update is None:
        raise Unreadable("it is no update")
    message = content.get("message")
    if not isinstance(message, dict):
        return Silence(why="it is no new message")
    said = look.text(message, "/text")
    if said is None or not look.number(message, "/from/id") or look.flag(message, "/from/is_bot"):
        return Silence(why="a bot, a channel, or somebody who has written nothing")
    slash = SLASH.match(said)
    if slash is None and look.text(message, "/chat/type") != "private":
        return Silence(why="it was not said to us")
    return Command(
        text=typed(_words(slash, said)),
        user=who(message, "/from/id"),
        channel=identity(message, "/chat/id"),
        user_name=called(message, "/from/username", "/from/first_name"),
        delivery=delivery(update),
        reply=_reply(message),
    )


def answer(say: Say, content: Content, keys: Keys) -> Mapping[str, Any] | str:
    """Write the bot's next request, which Telegram takes in place of an answer."""
    sent: dict[str, Any] = {
        "method": "sendMessage",
        "chat_id": look.number(content, "/message/chat/id"),
        "text": cut(say.text, MOST_ANSWER),
        "link_preview_options": {"is_disabled": True},
    }
    message = look.number(content, "/message/message_id")
    if message is not None:
        sent["reply_parameters"] = {"message_id": message, "allow_sending_without_reply": True}
    return sent


def _words(slash: re.Match[str] | None, said: str) -> str:
    """Take the slash and the bot's name away; /start is what a first visit to a bot says."""
    if slash is None:
        return said
    name = "help" if slash[1] == "start" else slash[1]
    return name + said[slash.end() :]


def _reply(message: dict[str, Any]) -> dict[str, Any] | None:
    chat, replied = look.number(message, "/chat/id"), look.number(message, "/message_id")
    if chat is None or replied is None:
        return None
    return {"kind": "telegram", "chat": chat, "message": replied}
