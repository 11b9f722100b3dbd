"""Where a command is answered later: what its chat has said of it, and what its hook adds. Pure."""

import logging
from typing import Any
from urllib.parse import urlsplit

from app.hooks.chat_sender import Command
from app.hooks.mattermost import button_token
from app.hooks.opened import OpenedHook
from app.hooks.people import ChatHook
from runner import reply

log = logging.getLogger(__name__)


def place_of(hook: OpenedHook, command: Command) -> dict[str, Any] | None:
    """The place, as a run's `reply` keeps it; None where the chat takes no later answer."""
    assert isinstance(hook.spec, ChatHook)
    if command.reply is None:
        return None
    place = command.reply | _added(hook, hook.spec, command.reply["kind"])
    try:
        reply.read(place)
    except reply.ReplyRefused:
        log.info("hook %s: %s is no place for later answers", hook.name, place["kind"])
        return None
    return place


def _added(hook: OpenedHook, spec: ChatHook, kind: str) -> dict[str, Any]:
    """What only the hook knows: a bot's token, a server, where buttons are pressed."""
    match kind:
        case "slack_thread" | "telegram":
            return {"credential": spec.credential}
        case "mattermost_response_url":
            buttons = {
                "button_url": hook.keys.options["button_url"],
                "button_token": button_token(hook.keys.secrets[0]),
            }
            host = urlsplit(spec.server or "").netloc.lower()
            return {"host": host} | (buttons if buttons["button_url"] else {})
        case _:
            return {}
