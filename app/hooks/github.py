"""GitHub and GitHub Enterprise: HMAC-SHA256 of the raw body in X-Hub-Signature-256."""

from collections.abc import Mapping
from typing import Any, Final

from app.hooks import content as look
from app.hooks.body import Content, read_json_or_payload
from app.hooks.event import HEADS, TAGS, Event, changed_paths, is_zero, push
from app.hooks.incoming import FORM, JSON, Denied, Incoming, Keys, Unreadable, require_hmac
from app.hooks.sender import Handshake

MEDIA_TYPES: Final = (JSON, FORM)
LIMIT: Final = 26 * 2**20  # GitHub sends up to 25 MB
HEADERS: Final = ("x-github-event", "x-github-delivery")
MOST_COMMITS: Final = 2048  # that a push lists; with as many there may be more
PREFIX: Final = "sha256="

read = read_json_or_payload


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Take the SHA-256 signature only: the SHA-1 beside it is for those of before 2020."""
    given = incoming.header("X-Hub-Signature-256")
    if not given.startswith(PREFIX):
        raise Denied("X-Hub-Signature-256 is missing or has another form")
    require_hmac(keys, incoming.body, given.removeprefix(PREFIX))


def events(headers: Mapping[str, str], content: Content) -> list[Event] | Handshake:
    """Tell of pushes, merged pull requests and published releases.

    `create` and `delete` come beside the push that says the same, and are not run for.
    """
    kind = headers.get("x-github-event", "")
    if kind == "ping":
        return Handshake(answer={"pong": look.text(content, "/zen")}, why="a ping")
    common: dict[str, Any] = {
        "delivery": headers.get("x-github-delivery", ""),
        "action": look.text(content, "/action"),
        "repository": look.text(content, "/repository/full_name"),
        "urls": clone_urls(content),
        "actor": look.text(content, "/sender/login", "/pusher/name"),
    }
    match kind:
        case "push":
            return [_push(content, common)]
        case "pull_request":
            return [pull_request(content, common)]
        case "release":
            return [release(content, common)]
        case _:
            return [Event(event=kind or "unnamed", **common)]


def clone_urls(content: Content) -> tuple[str, ...]:
    """Tell where the repository is, in every form that the sender names."""
    names = ("clone_url", "ssh_url", "git_url", "html_url")
    found = (look.text(content, f"/repository/{name}") for name in names)
    return tuple(url for url in found if url)


def _push(content: Content, common: dict[str, Any]) -> Event:
    ref = look.text(content, "/ref")
    if ref is None:
        raise Unreadable("it is called a push and names no ref")
    commits = list(look.objects(content, "/commits"))
    before = look.text(content, "/before")
    created, forced = look.flag(content, "/created"), look.flag(content, "/forced")
    is_all = len(commits) < MOST_COMMITS and not (created or forced or is_zero(before))
    return push(
        ref,
        before,
        look.text(content, "/after"),
        look.text(content, "/head_commit/id"),
        created=created,
        deleted=look.flag(content, "/deleted"),
        forced=forced,
        paths=changed_paths(commits, is_complete=is_all),
        message=look.text(content, "/head_commit/message"),
        **common,
    )


def pull_request(content: Content, common: dict[str, Any]) -> Event:
    """Tell of a merge by the branch that it went to, of all else by the branch that it is from."""
    request = content.get("pull_request")
    if not isinstance(request, dict):
        raise Unreadable("it is called a pull request and holds none")
    if look.text(content, "/action") == "closed" and look.flag(request, "/merged"):
        return Event(
            event="merge",
            ref=_head(look.text(request, "/base/ref")),
            before=look.text(request, "/base/sha"),
            sha=look.text(request, "/merge_commit_sha"),
            message=look.text(request, "/title"),
            **common,
        )
    head, base = (look.text(request, f"/{side}/repo/full_name") for side in ("head", "base"))
    return Event(
        event="pull_request",
        ref=_head(look.text(request, "/head/ref")),
        sha=look.text(request, "/head/sha"),
        message=look.text(request, "/title"),
        fork=head != base or bool(look.flag(request, "/head/repo/fork")),
        **common,
    )


def release(content: Content, common: dict[str, Any]) -> Event:
    """Tell of a published release by its tag; of drafts and edits by the sender's name for it."""
    is_published = look.text(content, "/action") == "published"
    tag = look.text(content, "/release/tag_name")
    return Event(
        event="release" if is_published else "release_changed",
        ref=f"{TAGS}{tag}" if tag else None,
        message=look.text(content, "/release/name"),
        **common,
    )


def _head(branch: str | None) -> str | None:
    return f"{HEADS}{branch}" if branch else None
