"""Google Chat: incoming webhooks."""

from jobs.targets.message import Request, post_json
from jobs.targets.text import broken, text
from jobs.targets.told import Told
from runner.credential import Webhook


def incoming(told: Told, credential: Webhook) -> Request:
    """A message. `<` begins mentions (<users/all>) and links: nothing may begin with it."""
    said = text(told)
    title, *lines = [broken(line, "<*_~`") for line in (said.title, *said.lines)]
    link = [said.link] if said.link else []
    return post_json(credential.url, {"text": "\n".join([f"*{title}*", *lines, *link])})
