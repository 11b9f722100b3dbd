"""GitLab: a signing token (whsec_…) as Standard Webhooks has it, or a secret token as it is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from pydantic import JsonValue

from app.hooks import content as look
from app.hooks.body import Content, read_json
from app.hooks.event import Event, branch_ref, changed_paths, is_zero, push, tag_ref
from app.hooks.incoming import JSON, Incoming, Keys, Unreadable, require_secret
from app.hooks.standard_webhooks import require_signature

MEDIA_TYPES: Final = (JSON,)
LIMIT: Final = 26 * 2**20
HEADERS: Final = ("x-gitlab-event", "webhook-id", "idempotency-key")
SIGNING: Final = "whsec_"
#: What the header says of those events whose content says it, too.
KINDS: Final[Mapping[str, str]] = {
    "Push Hook": "push",
    "Tag Push Hook": "tag_push",
    "Merge Request Hook": "merge_request",
    "Release Hook": "release",
}


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Take the signature; the token only where there is none: it never makes a wrong one right."""
    if "webhook-signature" in incoming.headers:
        tokens = [secret for secret in keys.secrets if secret.startswith(SIGNING)]
        require_signature(incoming, tokens, now)
    else:
        secrets = tuple(each for each in keys.secrets if not each.startswith(SIGNING))
        require_secret(replace(keys, secrets=secrets), incoming.header("X-Gitlab-Token"))


def read(incoming: Incoming) -> Content:
    """Read JSON."""
    return read_json(incoming.body)


def events(headers: Mapping[str, str], content: Content) -> list[Event]:
    """Tell of pushes, merged merge requests and new releases."""
    said = headers.get("x-gitlab-event", "")
    kind = look.text(content, "/object_kind", "/event_name") or said or "unnamed"
    if KINDS.get(said, kind) != kind:
        raise Unreadable(f"it is called a {KINDS[said]} and is another event")
    common = _told(headers, content)
    match kind:
        case "push" | "tag_push":
            return [_push(content, common)]
        case "merge_request":
            return [_merge_request(content, common)]
        case "release":
            return [_release(content, common)]
        case _:
            # Pipelines and comments tell the merge request that they belong to.
            request = content.get("merge_request")
            fork = isinstance(request, dict) and _is_of_fork(request)
            return [Event(event=kind, fork=fork, **common)]


def _told(headers: Mapping[str, str], content: Content) -> dict[str, Any]:
    names = ("git_http_url", "git_ssh_url", "web_url", "homepage")
    urls = (look.text(content, f"/project/{name}") for name in names)
    return {
        # The first of them is signed. X-Gitlab-Webhook-UUID is the hook's, not the delivery's.
        "delivery": headers.get("webhook-id") or headers.get("idempotency-key", ""),
        "action": look.text(content, "/object_attributes/action", "/action"),
        "repository": look.text(content, "/project/path_with_namespace"),
        "urls": tuple(dict.fromkeys(url for url in urls if url)),
        "actor": look.text(content, "/user_username", "/user/username"),
    }


def _push(content: Content, common: Mapping[str, Any]) -> Event:
    ref, after = look.text(content, "/ref"), look.text(content, "/after")
    if ref is None or after is None:
        raise Unreadable("it is called a push and names no ref, or no commit")
    before, sha = look.text(content, "/before"), look.text(content, "/checkout_sha")
    commits = list(look.objects(content, "/commits"))  # the newest 20
    last = look.where(content, "/commits", "id", sha or after)
    return push(
        ref,
        before,
        after,
        sha,
        paths=changed_paths(
            commits,
            is_complete=len(commits) == look.number(content, "/total_commits_count")
            and not is_zero(before),
        ),
        message=look.text(last, "/message"),
        **common,
    )


def _merge_request(content: Content, common: Mapping[str, Any]) -> Event:
    request = content.get("object_attributes")
    if not isinstance(request, dict):
        raise Unreadable("it is called a merge request and holds none")
    if common["action"] == "merge":
        return Event(
            event="merge",
            ref=branch_ref(look.text(request, "/target_branch")),
            # A fast-forward makes no commit of its own.
            sha=look.text(request, "/merge_commit_sha", "/squash_commit_sha", "/last_commit/id"),
            message=look.text(request, "/title"),
            **common,
        )
    return Event(
        event="merge_request",
        ref=branch_ref(look.text(request, "/source_branch")),
        before=look.text(request, "/oldrev"),
        sha=look.text(request, "/last_commit/id"),
        message=look.text(request, "/title"),
        fork=_is_of_fork(request),
        **common,
    )


def _is_of_fork(request: JsonValue) -> bool:
    source = look.number(request, "/source_project_id")
    return source is None or source != look.number(request, "/target_project_id")


def _release(content: Content, common: Mapping[str, Any]) -> Event:
    tag = look.text(content, "/tag")
    if tag is None:
        raise Unreadable("it is called a release and names no tag")
    return Event(
        event="release" if common["action"] == "create" else "release_changed",
        ref=tag_ref(tag),
        sha=look.text(content, "/commit/id"),
        message=look.text(content, "/name"),
        **common,
    )
