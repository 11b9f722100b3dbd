"""Telegram: answers of a bot."""

from typing import Any

from jobs.targets.message import Request, post_json
from jobs.targets.text import broken, cut, text
from jobs.targets.told import Told
from runner.credential import ApiToken
from runner.reply import Telegram

LONGEST = 4096  # characters of a message


def answer(told: Told, reply: Telegram, credential: ApiToken) -> Request:
    """A message without any markup, to the command if that is still there."""
    body: dict[str, Any] = {
        "chat_id": reply.chat,
        "text": cut(broken(text(told).plain(), "@"), LONGEST),
        "link_preview_options": {"is_disabled": True},
    }
    if reply.message is not None:
        answered = {"message_id": reply.message, "allow_sending_without_reply": True}
        body["reply_parameters"] = answered
    return post_json(f"{credential.base_url}/bot{credential.token}/sendMessage", body)
