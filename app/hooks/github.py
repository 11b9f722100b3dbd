"""GitHub and GitHub Enterprise: HMAC-SHA256 of the raw body in X-Hub-Signature-256."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import JsonValue

from app.hooks import content as look
from app.hooks.body import Content, read_json_or_payload
from app.hooks.event import Event, branch_ref, changed_paths, is_zero, push, tag_ref
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
    """Tell of pushes, merged pull requests and published releases; of runs of workflows, too.

    `create` and `delete` come beside the push that says the same, and are not run for.
    """
    kind = headers.get("x-github-event", "")
    if kind == "ping":
        return Handshake(answer={"pong": (look.text(content, "/zen") or "")[:200]}, why="a ping")
    common = told(content, headers.get("x-github-delivery", ""))
    match kind:
        case "push":
            count = len(list(look.objects(content, "/commits")))
            return [pushed(content, common, is_complete=count < MOST_COMMITS)]
        case "pull_request":
            return [pull_request(content, common)]
        case "release":
            return [release(content, common)]
        case "workflow_run":
            return [_workflow_run(content, common)]
        case "workflow_dispatch":
            return [Event(event=kind, ref=look.text(content, "/ref"), **common)]
        case "repository_dispatch":
            return [Event(event=kind, ref=branch_ref(look.text(content, "/branch")), **common)]
        case _:
            return [Event(event=kind or "unnamed", fork=is_of_fork(content), **common)]


def told(content: Content, delivery: str) -> dict[str, Any]:
    """What all events of GitHub and its kin tell in the same places."""
    names = ("clone_url", "ssh_url", "git_url", "html_url")
    urls = (look.text(content, f"/repository/{name}") for name in names)
    return {
        "delivery": delivery,
        "action": look.text(content, "/action"),
        "repository": look.text(content, "/repository/full_name"),
        "urls": tuple(url for url in urls if url),
        "actor": look.text(content, "/sender/login", "/pusher/login", "/pusher/name"),
    }


def pushed(content: Content, common: Mapping[str, Any], *, is_complete: bool) -> Event:
    """Tell of a push; *is_complete* says whether it lists all of its commits. Raise Unreadable."""
    ref, after = look.text(content, "/ref"), look.text(content, "/after")
    if ref is None or after is None:
        raise Unreadable("it is called a push and names no ref, or no commit")
    before = look.text(content, "/before")
    created, forced = look.flag(content, "/created"), look.flag(content, "/forced")
    last = look.where(content, "/commits", "id", after)
    return push(
        ref,
        before,
        after,
        look.text(content, "/head_commit/id"),
        created=created,
        deleted=look.flag(content, "/deleted"),
        forced=forced,
        paths=changed_paths(
            look.objects(content, "/commits"),
            is_complete=is_complete and not created and not is_zero(before) and not forced,
        ),
        message=look.text(content, "/head_commit/message") or look.text(last, "/message"),
        **common,
    )


def pull_request(content: Content, common: Mapping[str, Any]) -> Event:
    """Tell of a merge by the branch that it went to, of all else by the branch that it is from.

    Raise Unreadable.
    """
    request = content.get("pull_request")
    if not isinstance(request, dict):
        raise Unreadable("it is called a pull request and holds none")
    if look.text(content, "/action") == "closed" and look.flag(request, "/merged"):
        return Event(
            event="merge",
            ref=branch_ref(look.text(request, "/base/ref")),
            before=look.text(request, "/base/sha"),
            sha=look.text(request, "/merge_commit_sha"),
            message=look.text(request, "/title"),
            **common,
        )
    return Event(
        event="pull_request",
        ref=_head_ref(look.text(request, "/head/ref")),
        before=look.text(content, "/before"),
        sha=look.text(request, "/head/sha"),
        message=look.text(request, "/title"),
        fork=_is_of_fork(request),
        **common,
    )


def release(content: Content, common: Mapping[str, Any]) -> Event:
    """Tell of a published release by its tag; drafts and edits are `release_changed`.

    Raise Unreadable.
    """
    tag = look.text(content, "/release/tag_name")
    if tag is None:
        raise Unreadable("it is called a release and names no tag")
    return Event(
        event="release" if common["action"] == "published" else "release_changed",
        ref=tag_ref(tag),
        message=look.text(content, "/release/name"),
        **common,
    )


def _workflow_run(content: Content, common: Mapping[str, Any]) -> Event:
    """Tell what it ran for. GitHub calls a tag there a branch, too, and does not say which."""
    run = content.get("workflow_run")
    if not isinstance(run, dict):
        raise Unreadable("it is called a run of a workflow and holds none")
    return Event(
        event="workflow_run",
        ref=branch_ref(look.text(run, "/head_branch")),
        sha=look.text(run, "/head_sha"),
        message=look.text(run, "/head_commit/message"),
        fork=_is_other(look.text(run, "/head_repository/full_name"), common["repository"]),
        **common,
    )


def _head_ref(name: str | None) -> str | None:
    """Gitea names the request itself where its branch is gone: refs/pull/2/head."""
    return name if name and name.startswith("refs/pull/") else branch_ref(name)


def is_of_fork(content: Content) -> bool:
    """Whether any other event is about a fork's commit: a review of its request, its checks.

    GitHub tells no branch of a fork's checks, and none of its statuses.
    """
    if isinstance(request := content.get("pull_request"), dict):
        return _is_of_fork(request)
    checks = [content.get(name) for name in ("check_suite", "check_run")]
    suites = [look.below(each, "/check_suite") or each for each in checks if each]
    if suites:
        return any(look.text(suite, "/head_branch") is None for suite in suites)
    return "sha" in content and content.get("branches") == []


def _is_of_fork(request: JsonValue) -> bool:
    """By names: a repository that is itself a fork has branches of its own."""
    return _is_other(
        look.text(request, "/head/repo/full_name"), look.text(request, "/base/repo/full_name")
    )


def _is_other(head: str | None, base: str | None) -> bool:
    """Whether it is a fork's; one that was deleted has no name."""
    return head is None or head != base
