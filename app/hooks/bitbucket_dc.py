"""Bitbucket Data Center: HMAC-SHA256 of the raw body in X-Hub-Signature.

Its test of a connection is not signed, and so not believed: it shows 401 there, which proves the
connection.
"""

from collections.abc import Mapping
from typing import Any, Final

from app.hooks import bitbucket_cloud
from app.hooks import content as look
from app.hooks.body import Content
from app.hooks.event import Event, push
from app.hooks.incoming import JSON, Unreadable
from app.hooks.sender import Handshake

MEDIA_TYPES: Final = (JSON,)
LIMIT: Final = 26 * 2**20
HEADERS: Final = ("x-event-key", "x-request-id")
PING: Final = "diagnostics:ping"

verify = bitbucket_cloud.verify
read = bitbucket_cloud.read


def events(headers: Mapping[str, str], content: Content) -> list[Event] | Handshake:
    """Tell of each change of a push, and of merged pull requests."""
    said = headers.get("x-event-key", "")
    kind = look.text(content, "/eventKey") or said or "unnamed"
    if said and said != kind:
        raise Unreadable(f"it is called {said[:100]} and is {kind[:100]}")
    if kind == PING:
        return Handshake(answer={}, why="a ping")
    common: dict[str, Any] = {
        "delivery": headers.get("x-request-id", ""),
        "actor": look.text(content, "/actor/name"),
    }
    if kind == "repo:refs_changed":
        return _pushes(content, common)
    if kind.startswith("pr:"):
        return [_pull_request(kind, content, common)]
    return [Event(event=kind, **_place(content.get("repository")), **common)]


def _place(repository: Any) -> dict[str, Any]:
    """Tell which repository it is: KEY/slug, and where it can be cloned."""
    key, slug = look.text(repository, "/project/key"), look.text(repository, "/slug")
    if key is None or slug is None:
        return {}
    urls = [look.text(each, "/href") for each in look.objects(repository, "/links/clone")]
    # Older ones do not say; over https it is below scm/.
    return {
        "repository": f"{key}/{slug}",
        "urls": tuple(url for url in urls if url) or (f"scm/{key}/{slug}",),
    }


def _pushes(content: Content, common: Mapping[str, Any]) -> list[Event]:
    changes = list(look.objects(content, "/changes"))
    if not changes:
        raise Unreadable("it is called a push and names no change")
    place = _place(content.get("repository"))
    return [_push(change, content, {**place, **common}) for change in changes]


def _push(change: Content, content: Content, common: Mapping[str, Any]) -> Event:
    """Tell of one change, of which there are no names of files."""
    ref, after = look.text(change, "/ref/id", "/refId"), look.text(change, "/toHash")
    if ref is None or after is None:
        raise Unreadable("a change of the push names no ref, or no commit")
    kind = look.text(change, "/type")
    is_last = look.text(content, "/toCommit/id") == after
    return push(
        ref,
        look.text(change, "/fromHash"),
        after,
        created=kind == "ADD",
        deleted=kind == "DELETE",
        message=look.text(content, "/toCommit/message") if is_last else None,
        **common,
    )


def _pull_request(kind: str, content: Content, common: Mapping[str, Any]) -> Event:
    request = content.get("pullRequest")
    if not isinstance(request, dict):
        raise Unreadable("it is called a pull request and holds none")
    target = _place(look.below(request, "/toRef/repository"))
    action, message = kind.partition(":")[2], look.text(request, "/title")
    # The content says it, too: one that was opened becomes no merge by another name.
    if action == "merged" and look.text(request, "/state") == "MERGED":
        return Event(
            event="merge",
            action=action,
            ref=look.text(request, "/toRef/id"),
            sha=look.text(request, "/properties/mergeCommit/id"),
            message=message,
            **target,
            **common,
        )
    source = _place(look.below(request, "/fromRef/repository"))
    return Event(
        event=kind,
        action=action,
        ref=look.text(request, "/fromRef/id"),
        sha=look.text(request, "/fromRef/latestCommit"),
        message=message,
        fork=not source or source["repository"] != target.get("repository"),
        **target,
        **common,
    )
