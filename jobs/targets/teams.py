"""Teams: the card that a workflow ("when a webhook request is received") posts."""

from typing import Any

from jobs.targets.message import Request, post_json
from jobs.targets.text import text
from jobs.targets.told import Told
from runner.credential import Webhook

CARD = "application/vnd.microsoft.card.adaptive"


def incoming(told: Told, credential: Webhook) -> Request:
    """A card. Its text is in runs, which know no Markdown, and mentions would be listed beside."""
    said = text(told)
    open_run = {"type": "Action.OpenUrl", "title": f"Run {told.run.id}", "url": said.link}
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [_block(said.title, weight="bolder"), *map(_block, said.lines)],
        **({"actions": [open_run]} if said.link else {}),
    }
    attachment = {"contentType": CARD, "contentUrl": None, "content": card}
    return post_json(credential.url, {"type": "message", "attachments": [attachment]})


def _block(words: str, **style: str) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": words, **style}]}
