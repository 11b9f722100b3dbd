"""Mattermost, and Rocket.Chat, whose incoming webhooks take the same."""

from typing import Any

from jobs.targets.message import Request, post_json
from jobs.targets.text import Button, broken, button, escaped, text
from jobs.targets.told import Told
from runner.credential import Webhook
from runner.reply import MattermostResponseUrl

STYLES = {"stop": "danger", "rerun": "primary", "approve": "good"}


def incoming(told: Told, credential: Webhook) -> Request:
    """A message of the webhook's channel."""
    return post_json(credential.url, {"text": _markdown(told)})


def rocketchat(told: Told, credential: Webhook) -> Request:
    """The same for Rocket.Chat, which knows no backslashes."""
    said = text(told)
    inert = [broken(line, "@[<!*_~`") for line in (said.title, *said.lines)]
    link = [said.link] if said.link else []
    return post_json(credential.url, {"text": "\n".join([*inert, *link]), "parseUrls": False})


def answer(told: Told, reply: MattermostResponseUrl) -> Request:
    """A message for all, beside the command, with buttons that carry the hook's own token."""
    press = button(told) if reply.button_url and reply.button_token else None
    attachments = [{"text": "", "actions": [_action(press, reply)]}] if press else []
    body = {"response_type": "in_channel", "text": _markdown(told), "attachments": attachments}
    return post_json(reply.url, body)


def _markdown(told: Told) -> str:
    said = text(told)
    title, *lines = [broken(escaped(line), "@") for line in (said.title, *said.lines)]
    link = [f"[run {told.run.id}]({said.link})"] if said.link else []
    return "\n".join([f"**{title}**", *lines, *link])


def _action(press: Button, reply: MattermostResponseUrl) -> dict[str, Any]:
    return {
        "id": press.command,
        "type": "button",
        "name": press.label,
        "style": STYLES[press.command],
        "integration": {
            "url": reply.button_url,
            "context": {"token": reply.button_token, "words": press.value},
        },
    }
