"""Gogs: HMAC-SHA256 of the JSON, bare, in X-Gogs-Signature."""

from collections.abc import Mapping
from typing import Final

from app.hooks import content as look
from app.hooks import gitea
from app.hooks.body import Content
from app.hooks.event import Event
from app.hooks.github import is_of_fork, pull_request, pushed, release, told
from app.hooks.incoming import FORM, JSON, Incoming, Keys, require_hmac

MEDIA_TYPES: Final = (JSON, FORM)
LIMIT: Final = 26 * 2**20
HEADERS: Final = ("x-gogs-event", "x-gogs-delivery")

read = gitea.read


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Compare with X-Gogs-Signature; forms have their JSON signed."""
    require_hmac(keys, gitea.signed_json(incoming), incoming.header("X-Gogs-Signature"))


def events(headers: Mapping[str, str], content: Content) -> list[Event]:
    """Tell of pushes, merged pull requests and published releases.

    New tags come as `create` only, what was deleted as `delete` only; of new branches there is a
    push beside the `create`.
    """
    kind = headers.get("x-gogs-event") or "unnamed"
    common = told(content, headers.get("x-gogs-delivery", ""))
    is_tag = look.text(content, "/ref_type") == "tag"
    match kind:
        case "push":
            # It lists the newest 5 commits, or what its administrator says, and not how many
            # there are: they are never known to be all.
            return [pushed(content, common, is_complete=False)]
        case "pull_request":
            return [pull_request(content, common)]
        case "release":
            return [release(content, common)]
        case "create" if is_tag:
            return [gitea.created_or_deleted(content, common, deleted=False)]
        case "delete":
            return [gitea.created_or_deleted(content, common, deleted=True)]
        case _:
            return [Event(event=kind, fork=is_of_fork(content), **common)]
