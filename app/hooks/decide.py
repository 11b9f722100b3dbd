"""Whether a hook runs its template for an event, and why not. Pure."""

import re
from typing import Final
from urllib.parse import urlsplit

from app.hooks import globs
from app.hooks.body import Content
from app.hooks.event import Event
from app.hooks.rules import judge
from app.hooks.triggering import Triggering
from app.hooks.values import FACT

#: Events of a ref: of no other has a sender said which branch or tag it is about.
OF_REFS: Final = frozenset({"push", "tag", "merge", "release"})
#: `git@host:path`, as ssh takes it.
SCP: Final = re.compile(r"(?:[^/@:]+@)?[^/:]+:(?!/)(?P<path>.+)")


def refusal(hook: Triggering, event: Event, content: Content, repository: str) -> str | None:
    """Tell why nothing is run for *event*; None: it is. *repository* is the playbook's URL."""
    return (
        _kind_refusal(hook, event)
        or _ref_refusal(hook, event)
        or _path_refusal(hook, event)
        or _rule_refusal(hook, event, content)
        or _repository_refusal(hook, event, repository)
    )


def _kind_refusal(hook: Triggering, event: Event) -> str | None:
    if event.event not in hook.wanted_events:
        return f"event {event.event[:100]} not in {', '.join(hook.wanted_events)}"
    if event.event in OF_REFS and event.branch is None and event.tag is None:
        return f"ref {event.ref or '(nothing)'} is neither a branch nor a tag"
    if event.deleted and not hook.deletes:
        return f"{event.ref} was deleted"
    if event.fork and not hook.forks:
        return "the commit is of a fork"
    if hook.skip_words and event.asks_to_skip:
        return "the commit's message asks to skip it"
    return None


def _ref_refusal(hook: Triggering, event: Event) -> str | None:
    for kind, name, patterns in (
        ("branch", event.branch, hook.branches),
        ("tag", event.tag, hook.tags),
    ):
        if patterns and name is not None and not globs.matches_any(patterns, name):
            return f"{kind} {name} not in {', '.join(patterns)}"
    return None


def _path_refusal(hook: Triggering, event: Event) -> str | None:
    if not hook.paths or event.paths is None:
        return None
    if any(globs.matches_any(hook.paths, path) for path in event.paths):
        return None
    return f"no changed file in {', '.join(hook.paths)}"


def _rule_refusal(hook: Triggering, event: Event, content: Content) -> str | None:
    if hook.rules is None:
        return None
    found = judge(hook.rules, event, content)
    return found.why if found.holds is False else None


def _repository_refusal(hook: Triggering, event: Event, repository: str) -> str | None:
    """A commit of another repository is none of the playbook's.

    Forges keep forks' commits where the original's are: it would even be found there.
    """
    if hook.ref is None or not hook.ref.startswith(FACT) or repository.startswith("file:"):
        return None
    known = {name for name in (event.repository, *event.urls) if name}
    if not known or any(_path(each) == _path(repository) for each in known):
        return None
    return f"repository {(event.repository or '(nothing)')[:200]} is not the playbook's"


def _path(url: str) -> str:
    """What of a repository's URL is the same over https and ssh, and in a full name."""
    scp = SCP.fullmatch(url) if "://" not in url else None
    path = scp["path"] if scp else urlsplit(url).path if "://" in url else url
    return path.strip("/").removesuffix(".git").lower()
