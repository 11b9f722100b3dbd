"""Bitbucket Cloud: HMAC-SHA256 of the raw body in X-Hub-Signature, elsewhere the name of SHA-1."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from app.hooks import content as look
from app.hooks.body import Content, read_json
from app.hooks.event import SHA, Event, branch_ref, push, tag_ref
from app.hooks.incoming import JSON, Denied, Incoming, Keys, Unreadable, require_hmac

MEDIA_TYPES: Final = (JSON,)
LIMIT: Final = 2**20  # Bitbucket sends up to 256 KB
HEADERS: Final = ("x-event-key", "x-request-uuid")
PREFIX: Final = "sha256="


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Take SHA-256 only; the prefix names the algorithm."""
    given = incoming.header("X-Hub-Signature")
    if not given.startswith(PREFIX):
        raise Denied("X-Hub-Signature is missing or has another form")
    require_hmac(keys, incoming.body, given.removeprefix(PREFIX))


def read(incoming: Incoming) -> Content:
    """Read JSON."""
    return read_json(incoming.body)


def events(headers: Mapping[str, str], content: Content) -> list[Event]:
    """Tell of each change of a push, and of merged pull requests."""
    kind = headers.get("x-event-key") or "unnamed"
    page = look.text(content, "/repository/links/html/href")
    common: dict[str, Any] = {
        "delivery": headers.get("x-request-uuid", ""),
        "repository": look.text(content, "/repository/full_name"),
        "urls": (page,) if page else (),
        # Names are no longer told, and nicknames can be anybody's.
        "actor": look.text(content, "/actor/account_id", "/actor/uuid"),
    }
    if kind == "repo:push":
        return _pushes(content, common)
    if kind.startswith("pullrequest:"):
        return [_pull_request(kind, content, common)]
    return [Event(event=kind, **common)]


def _pushes(content: Content, common: Mapping[str, Any]) -> list[Event]:
    changes = list(look.objects(content, "/push/changes"))
    if not changes:
        raise Unreadable("it is called a push and names no change")
    return [_push(change, common) for change in changes]


def _push(change: Content, common: Mapping[str, Any]) -> Event:
    """Tell of one change, of which there are no names of files."""
    there = "/old" if change.get("new") is None else "/new"
    name, kind = look.text(change, f"{there}/name"), look.text(change, f"{there}/type")
    if name is None or kind is None:
        raise Unreadable("a change of the push names no branch and no tag")
    return push(
        # "branch" and "tag"; what else there may be is neither.
        {"branch": branch_ref, "tag": tag_ref}.get(kind, str)(name),
        look.text(change, "/old/target/hash"),
        look.text(change, "/new/target/hash"),
        created=look.flag(change, "/created"),
        deleted=there == "/old" or look.flag(change, "/closed"),
        forced=look.flag(change, "/forced"),
        message=look.text(change, "/new/target/message"),
        **common,
    )


def _pull_request(kind: str, content: Content, common: Mapping[str, Any]) -> Event:
    request = content.get("pullrequest")
    if not isinstance(request, dict):
        raise Unreadable("it is called a pull request and holds none")
    action, message = kind.partition(":")[2], look.text(request, "/title")
    # The content says it, too, because the header is not signed.
    if action == "fulfilled" and look.text(request, "/state") == "MERGED":
        return Event(
            event="merge",
            action=action,
            ref=branch_ref(look.text(request, "/destination/branch/name")),
            sha=_full(request, "/merge_commit/hash"),
            message=message,
            **common,
        )
    source, destination = (
        look.text(request, f"/{side}/repository/full_name") for side in ("source", "destination")
    )
    return Event(
        event=kind,
        action=action,
        ref=branch_ref(look.text(request, "/source/branch/name")),
        sha=_full(request, "/source/commit/hash"),
        message=message,
        fork=source is None or source != destination,
        **common,
    )


def _full(request: JsonValue, pointer: str) -> str | None:
    """The commit there, if it is told in full: mostly these are 12 digits, which name none."""
    sha = look.text(request, pointer)
    return sha if sha and SHA.fullmatch(sha) else None
