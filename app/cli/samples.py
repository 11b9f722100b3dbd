"""Pushes that nobody has sent, as each Git host would write them, to try a hook with. Pure."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from app.cli.errors import WrongUsage

OLD, NEW = "1" * 40, "2" * 40
KINDS = ("push", "tag")


class Push(NamedTuple):
    """What a push is about."""

    kind: str
    #: Whole: refs/heads/main.
    ref: str
    repository: str
    paths: Sequence[str]

    @property
    def name(self) -> str:
        """owner/name of the repository."""
        return urlsplit(self.repository).path.strip("/").removesuffix(".git") or "owner/name"

    @property
    def commit(self) -> dict[str, Any]:
        """The one commit of the push."""
        return {
            "id": NEW,
            "message": "A commit that curtain made up",
            "author": {"name": "nobody", "username": "nobody"},
            "added": [],
            "modified": list(self.paths),
            "removed": [],
        }


class Sender(NamedTuple):
    """How one Git host tells of it."""

    #: The header that names the event; None where the payload does.
    header: str | None
    #: What the header says of a push, and of a pushed tag.
    events: tuple[str, str]
    write: Callable[[Push], dict[str, Any]]


def _github(push: Push) -> dict[str, Any]:
    """Also Gitea's and Gogs', which took it from there."""
    repository = {
        "name": push.name.rpartition("/")[2],
        "full_name": push.name,
        "clone_url": push.repository,
        "html_url": push.repository.removesuffix(".git"),
        "default_branch": "main",
    }
    return {
        "ref": push.ref,
        "before": OLD,
        "after": NEW,
        "created": False,
        "deleted": False,
        "forced": False,
        "total_commits": 1,
        "commits": [push.commit],
        "head_commit": push.commit,
        "repository": repository,
        "pusher": {"name": "nobody", "login": "nobody", "username": "nobody"},
        "sender": {"login": "nobody", "username": "nobody", "id": 1},
    }


def _gitlab(push: Push) -> dict[str, Any]:
    project = {
        "path_with_namespace": push.name,
        "git_http_url": push.repository,
        "git_ssh_url": push.repository,
        "web_url": push.repository.removesuffix(".git"),
    }
    return {
        "object_kind": "tag_push" if push.kind == "tag" else "push",
        "ref": push.ref,
        "before": OLD,
        "after": NEW,
        "checkout_sha": NEW,
        "user_name": "nobody",
        "user_username": "nobody",
        "project": project,
        "repository": {"git_http_url": push.repository},
        "commits": [push.commit],
        "total_commits_count": 1,
    }


SENDERS = {
    "github": Sender("X-GitHub-Event", ("push", "push"), _github),
    "gitlab": Sender("X-Gitlab-Event", ("Push Hook", "Tag Push Hook"), _gitlab),
    "gitea": Sender("X-Gitea-Event", ("push", "push"), _github),
    "gogs": Sender("X-Gogs-Event", ("push", "create"), _github),
}


def payload_of(
    sender: str, kind: str, ref: str, repository: str, paths: Sequence[str]
) -> dict[str, Any]:
    """What the API's trial takes: headers and payload. Raise WrongUsage for what is not known."""
    if sender not in SENDERS or kind not in KINDS or (sender, kind) == ("gogs", "tag"):
        raise WrongUsage(
            f"only pushes and tags of {', '.join(SENDERS)} can be made up: "
            f"give what {sender} sends with --payload"
        )
    chosen = SENDERS[sender]
    folder = "tags" if kind == "tag" else "heads"
    whole = ref if ref.startswith("refs/") else f"refs/{folder}/{ref}"
    event = chosen.events[KINDS.index(kind)]
    return {
        "headers": {chosen.header or "": event},
        "payload": chosen.write(Push(kind, whole, repository, paths)),
    }
