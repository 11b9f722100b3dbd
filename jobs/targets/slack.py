"""Slack: incoming webhooks, answers to commands, and threads."""

import re
from typing import Any

from jobs.targets.message import Answer, Request, post_json
from jobs.targets.text import Button, button, text
from jobs.targets.told import Told
from runner.credential import ApiToken, Webhook
from runner.reply import SlackResponseUrl, SlackThread

#: Errors of the Web API that are over in a while.
PASSING = {"ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
STYLES = {"stop": "danger", "rerun": "primary", "approve": "primary"}


def incoming(told: Told, credential: Webhook) -> Request:
    """A message of the webhook's channel. Its buttons would go nowhere: it has none."""
    return post_json(credential.url, _message(told, None), reading=_said)


def answer(told: Told, reply: SlackResponseUrl) -> Request:
    """A message for all, beside the command."""
    body = {**_message(told, button(told)), "response_type": "in_channel"}
    return post_json(reply.url, {**body, "replace_original": False}, reading=_said)


def thread(told: Told, reply: SlackThread, credential: ApiToken) -> Request:
    """A message in the thread of the command."""
    place = {"channel": reply.channel} | ({"thread_ts": reply.thread} if reply.thread else {})
    return post_json(
        f"{credential.base_url}/chat.postMessage",
        {**_message(told, button(told)), **place},
        {"Authorization": f"Bearer {credential.token}"},
        reading=_is_ok,
    )


def escape(words: str) -> str:
    """Write what Slack would take for a link, a mention or an entity as it is."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _message(told: Told, press: Button | None) -> dict[str, Any]:
    said = text(told)
    link = [f"<{said.link}|run {told.run.id}>"] if said.link else []
    body = "\n".join([f"*{escape(said.title)}*", *map(escape, said.lines), *link])
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": body, "verbatim": True}}
    ]
    if press:
        blocks.append({"type": "actions", "elements": [_element(press)]})
    quiet = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}
    return {"text": escape(said.title), "blocks": blocks, **quiet}


def _element(press: Button) -> dict[str, Any]:
    return {
        "type": "button",
        "text": {"type": "plain_text", "text": press.label},
        "action_id": press.command,
        "value": press.value,
        "style": STYLES[press.command],
    }


def _said(answer: Answer) -> str | None:
    """Slack's own word for why it was refused: invalid_payload, no_service, …"""
    is_refused = 400 <= answer.status < 500 and answer.status not in (408, 425, 429)
    is_word = re.fullmatch(rb"[a-z]+(_[a-z]+){1,5}", answer.body)
    return answer.body.decode() if is_refused and is_word else None


def _is_ok(answer: Answer) -> bool | str | None:
    """The Web API answers 200 to all that it understands."""
    body = answer.json()
    if answer.status != 200 or not isinstance(body, dict):
        return None
    error = str(body.get("error"))
    if body.get("ok") is True or error in PASSING:
        return body.get("ok") is True
    return error if re.fullmatch("[a-z_]{1,60}", error) else "not ok"
