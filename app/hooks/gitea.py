"""Gitea and Forgejo: HMAC-SHA256 of the JSON, bare, in X-Gitea-Signature or X-Forgejo-Signature.

The signatures in GitHub's manner that they send beside it are not looked at.
"""

from collections.abc import Mapping
from typing import Any, Final

from app.hooks import content as look
from app.hooks.body import Content, read_form, read_json_or_payload
from app.hooks.event import Event, branch_ref, push, tag_ref
from app.hooks.github import is_of_fork, pull_request, pushed, release, told
from app.hooks.incoming import FORM, JSON, Denied, Incoming, Keys, Unreadable, require_hmac

MEDIA_TYPES: Final = (JSON, FORM)
LIMIT: Final = 26 * 2**20
HEADERS: Final = (
    "x-forgejo-event",
    "x-forgejo-delivery",
    "x-gitea-event",
    "x-gitea-delivery",
)
#: Bytes of a form, which is read before anybody is believed: 26 MB of them made 2.1 GB of parts.
MOST_FORM: Final = 2**20


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Take Forgejo's signature where there is one, else Gitea's; forms have their JSON signed."""
    is_forgejo = "x-forgejo-signature" in incoming.headers
    name = "X-Forgejo-Signature" if is_forgejo else "X-Gitea-Signature"
    require_hmac(keys, signed_json(incoming), incoming.header(name))


def read(incoming: Incoming) -> Content:
    """Read JSON, or a form's. Gitea before 1.13 wrote the secret into it: that is not kept."""
    content = read_json_or_payload(incoming)
    content.pop("secret", None)
    return content


def events(headers: Mapping[str, str], content: Content) -> list[Event]:
    """Tell of pushes, merged pull requests and published releases; of deleted branches, too.

    `create` comes beside the push that says the same, `delete` only of tags: of branches nothing
    else tells.
    """
    kind = headers.get("x-forgejo-event") or headers.get("x-gitea-event") or "unnamed"
    delivery = headers.get("x-forgejo-delivery") or headers.get("x-gitea-delivery") or ""
    common = told(content, delivery)
    match kind:
        case "push":
            # Of the commits it lists the newest 5, or what its administrator says.
            count = len(list(look.objects(content, "/commits")))
            is_complete = count == look.number(content, "/total_commits")
            return [pushed(content, common, is_complete=is_complete)]
        case "pull_request":
            return [pull_request(content, common)]
        case "release":
            return [release(content, common)]
        case "delete" if look.text(content, "/ref_type") == "branch":
            return [created_or_deleted(content, common, deleted=True)]
        case _:
            return [Event(event=kind, fork=is_of_fork(content), **common)]


def created_or_deleted(content: Content, common: Mapping[str, Any], *, deleted: bool) -> Event:
    """Tell of `create` or `delete`, which name refs in short. Raise Unreadable."""
    name = look.text(content, "/ref")
    if name is None:
        raise Unreadable("it names no branch and no tag")
    full = tag_ref if look.text(content, "/ref_type") == "tag" else branch_ref
    sha = look.text(content, "/sha")
    return push(full(name), None, sha, created=not deleted, deleted=deleted, **common)


def signed_json(incoming: Incoming) -> bytes:
    """The JSON of the body, which is what is signed in forms, too. Raise Denied."""
    if incoming.media_type != FORM:
        return incoming.body
    if len(incoming.body) > MOST_FORM:
        raise Denied(f"the form has more than {MOST_FORM} bytes: such are sent as JSON")
    try:
        return read_form(incoming.body).get("payload", "").encode()
    except Unreadable as error:
        raise Denied(str(error)) from None
