"""Discord: incoming webhooks, and answers to commands."""

from typing import Any

from jobs.targets.message import Request, post_json
from jobs.targets.text import Button, button, cut, escaped, text
from jobs.targets.told import Told
from runner.credential import Webhook
from runner.reply import DiscordFollowup

API = "https://discord.com/api/v10"
LONGEST = 2000  # characters of a message
SUPPRESS_EMBEDS = 4  # no preview of what is linked
ACTION_ROW, BUTTON = 1, 2
STYLES = {"stop": 4, "rerun": 1, "approve": 3}  # danger, primary, success


def incoming(told: Told, credential: Webhook) -> Request:
    """A message of the webhook's channel."""
    return post_json(credential.url, _message(told, None))


def answer(told: Told, reply: DiscordFollowup) -> Request:
    """A follow-up of the command."""
    return post_json(follow_up_url(reply), _message(told, button(told)))


def follow_up_url(reply: DiscordFollowup) -> str:
    """Where what follows a command is said."""
    return f"{API}/webhooks/{reply.application}/{reply.token}"


def _message(told: Told, press: Button | None) -> dict[str, Any]:
    said = text(told)
    title, *lines = map(escaped, (said.title, *said.lines))
    link = [f"<{said.link}>"] if said.link else []
    content = cut("\n".join([f"**{title}**", *lines, *link]), LONGEST)
    rows = [{"type": ACTION_ROW, "components": [_component(press)]}] if press else []
    return {
        "content": content,
        "allowed_mentions": {"parse": []},
        "flags": SUPPRESS_EMBEDS,
        **({"components": rows} if rows else {}),
    }


def _component(press: Button) -> dict[str, Any]:
    style = STYLES[press.command]
    return {"type": BUTTON, "style": style, "label": press.label, "custom_id": press.value}
