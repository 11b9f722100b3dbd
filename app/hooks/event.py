"""What has happened at a sender's, in the same words for all senders. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from runner.words import Ref

#: A full commit id, as git writes it.
SHA: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
HEADS: Final = "refs/heads/"
TAGS: Final = "refs/tags/"
MOST_PATHS: Final = 10_000  # beyond them which were changed counts as unknown
#: In the message of a push's last commit: nothing shall run. Small letters.
SKIP_WORDS: Final = (
    "[skip ci]",
    "[ci skip]",
    "[no ci]",
    "[skip run]",
    "[skip actions]",
    "[actions skip]",
    "***no_ci***",
)
SKIP_TRAILER: Final = re.compile(r"^skip-checks:\s*true\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to one ref. None: the sender does not say."""

    #: push, tag, merge or release: what is run for. Else what the sender itself calls it.
    event: str
    #: What the sender calls the delivery, the same when it sends it again; empty when it has none.
    delivery: str = ""
    #: opened, closed, published …, in the sender's words.
    action: str | None = None
    #: In full: refs/heads/main.
    ref: str | None = None
    #: The commit that is there now; None when the ref was deleted. Of an annotated tag its commit.
    sha: str | None = None
    before: str | None = None
    #: The full name of the repository: owner/name.
    repository: str | None = None
    #: Where the sender says it can be cloned. Compared with templates, never fetched from.
    urls: tuple[str, ...] = ()
    #: Who did it, by login.
    actor: str | None = None
    created: bool | None = None
    deleted: bool | None = None
    forced: bool | None = None
    #: What was added, changed or removed; None when that is not known, or not all of it.
    paths: tuple[str, ...] | None = None
    #: Of the last commit.
    message: str | None = None
    #: Whether the commit is of a fork's branch that was not merged.
    fork: bool = False

    @property
    def branch(self) -> str | None:
        """The branch's short name."""
        return self.ref.removeprefix(HEADS) if self.ref and self.ref.startswith(HEADS) else None

    @property
    def tag(self) -> str | None:
        """The tag's short name."""
        return self.ref.removeprefix(TAGS) if self.ref and self.ref.startswith(TAGS) else None

    @property
    def asks_to_skip(self) -> bool:
        """Whether the last commit of a push says that nothing shall run."""
        if self.event != "push" or not self.message:
            return False
        message = self.message.lower()
        return any(word in message for word in SKIP_WORDS) or bool(
            SKIP_TRAILER.search(self.message)
        )

    def facts(self) -> dict[str, Any]:
        """All of it by name, as rules, variables and the list of deliveries name it."""
        return {name: getattr(self, name) for name in FACTS}


#: What rules and variables may name.
FACTS: Final = (*(field.name for field in fields(Event)), "branch", "tag")


def push(
    ref: str | None,
    before: str | None,
    after: str | None,
    sha: str | None = None,
    *,
    created: bool | None = None,
    deleted: bool | None = None,
    **said: Any,
) -> Event:
    """Make a push's event: of a branch `push`, of a tag `tag`; zeros say created and deleted.

    *sha* is the commit where the sender tells it apart from *after*, which of an annotated tag is
    the tag's own id.
    """
    is_gone = bool(deleted) or is_zero(after)
    return Event(
        event="tag" if (ref or "").startswith(TAGS) else "push",
        ref=ref,
        before=None if is_zero(before) else before,
        sha=None if is_gone else sha or after,
        created=bool(created) or is_zero(before),
        deleted=is_gone,
        **said,
    )


def branch_ref(name: str | None) -> str | None:
    """The full ref of a branch."""
    return f"{HEADS}{name}" if name else None


def tag_ref(name: str | None) -> str | None:
    """The full ref of a tag."""
    return f"{TAGS}{name}" if name else None


def is_zero(sha: str | None) -> bool:
    """Whether it is the id that stands for no commit, in either length."""
    return bool(sha) and set(sha or "") == {"0"}


def changed_paths(commits: Iterable[Mapping[str, Any]], *, is_complete: bool) -> Any:
    """Join what *commits* have added, modified and removed; None unless that is all.

    Of no commits it is None, too: a ref that moved to a commit known before has changed files.
    """
    found: dict[str, None] = {}
    listing = list(commits)
    for commit in listing:
        for kind in ("added", "modified", "removed"):
            listed = commit.get(kind)
            if not isinstance(listed, list):
                return None
            found.update(dict.fromkeys(path for path in listed if isinstance(path, str)))
    return tuple(found) if listing and is_complete and len(found) <= MOST_PATHS else None


def faults(event: Event) -> list[tuple[str, str]]:
    """Find what git would not take, or would take for something else; as field and message."""
    found = []
    for name in ("ref", "branch", "tag"):
        ref = getattr(event, name)
        if ref is not None and not _is_ref(ref):
            found.append((f"event.{name}", "is no name that git takes for a branch or a tag"))
    for name in ("sha", "before"):
        sha = getattr(event, name)
        if sha is not None and not SHA.fullmatch(sha):
            found.append((f"event.{name}", "is no full commit id"))
    return found


_REF: Final[TypeAdapter[str]] = TypeAdapter(Ref)


def _is_ref(name: str) -> bool:
    """Whether a template could name it: no option, nothing that cannot be seen."""
    try:
        _REF.validate_python(name)
    except ValidationError:
        return False
    return name.isprintable()
