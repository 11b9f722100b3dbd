"""Azure DevOps: nothing is signed; Basic authentication, or a header of one's own, over HTTPS."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from app.hooks import content as look
from app.hooks.body import Content, read_json
from app.hooks.event import Event, push
from app.hooks.incoming import JSON, Incoming, Keys, Unreadable, require_secret

MEDIA_TYPES: Final = (JSON,)
LIMIT: Final = 26 * 2**20
HEADERS: Final = ()
MERGED: Final = "git.pullrequest.merged"


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Take the secret in the hook's header, or as user:password in Basic authentication."""
    if header := keys.options.get("header"):
        require_secret(keys, incoming.header(str(header)))
    else:
        scheme, _, given = incoming.header("Authorization").partition(" ")
        written = tuple(base64.b64encode(each.encode()).decode() for each in keys.secrets)
        require_secret(replace(keys, secrets=written), given if scheme.lower() == "basic" else "")


def read(incoming: Incoming) -> Content:
    """Read JSON."""
    return read_json(incoming.body)


def events(headers: Mapping[str, str], content: Content) -> list[Event]:
    """Tell of each updated ref of a push, and of completed pull requests."""
    kind = look.text(content, "/eventType") or "unnamed"
    resource = look.below(content, "/resource")
    common = _told(content)
    if kind == "git.push":
        return _pushes(resource, common)
    if kind.startswith("git.pullrequest."):
        return [_pull_request(kind, resource, common)]
    # Comments tell the pull request that they belong to.
    fork = bool(look.below(resource, "/pullRequest/forkSource"))
    return [Event(event=kind, fork=fork, **common)]


def _told(content: Content) -> dict[str, Any]:
    repository = look.below(content, "/resource/repository")
    names = (look.text(repository, "/project/name"), look.text(repository, "/name"))
    urls = (look.text(repository, f"/{name}") for name in ("remoteUrl", "sshUrl", "webUrl"))
    return {
        "delivery": look.text(content, "/id") or "",
        "repository": "/".join(name for name in names if name) or None,
        "urls": tuple(url for url in urls if url),
    }


def _pushes(resource: Content, common: Mapping[str, Any]) -> list[Event]:
    updates = list(look.objects(resource, "/refUpdates"))
    if not updates:
        raise Unreadable("the push names no ref: let `Resource details to send` be `All`")
    return [_push(update, resource, common) for update in updates]


def _push(update: Content, resource: Content, common: Mapping[str, Any]) -> Event:
    """Tell of one ref, of which there are no names of files."""
    ref, after = look.text(update, "/name"), look.text(update, "/newObjectId")
    if ref is None or after is None:
        raise Unreadable("an update of the push names no ref, or no commit")
    return push(
        ref,
        look.text(update, "/oldObjectId"),
        after,
        message=look.text(look.where(resource, "/commits", "commitId", after), "/comment"),
        actor=look.text(resource, "/pushedBy/uniqueName"),
        **common,
    )


def _pull_request(kind: str, resource: Content, common: Mapping[str, Any]) -> Event:
    """Tell of a merge that is done; git.pullrequest.merged also tells of attempts at one."""
    action, message = kind.rpartition(".")[2], look.text(resource, "/title")
    if kind == MERGED and look.text(resource, "/status") == "completed":
        return Event(
            event="merge",
            action=action,
            ref=look.text(resource, "/targetRefName"),
            before=look.text(resource, "/lastMergeTargetCommit/commitId"),
            sha=look.text(resource, "/lastMergeCommit/commitId"),
            actor=look.text(resource, "/closedBy/uniqueName"),
            message=message,
            **common,
        )
    return Event(
        event=kind,
        action=action,
        ref=look.text(resource, "/sourceRefName"),
        sha=look.text(resource, "/lastMergeSourceCommit/commitId"),
        message=message,
        fork=resource.get("forkSource") is not None,
        **common,
    )
