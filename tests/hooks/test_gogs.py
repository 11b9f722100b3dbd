"""Gogs' deliveries, as they came, and what they tell."""

from typing import Any

import pytest

from app.hooks import gogs
from app.hooks.body import Content
from app.hooks.event import Event, faults
from app.hooks.incoming import FORM, Unreadable
from tests.hooks.sent import form, incoming, keys, mac, payload, raw

DELIVERY = "f6266f16-1bf3-46a5-9ea4-602e06ead473"


def at(server: str, name: str, login: str | None, *ssh: str) -> dict[str, Any]:
    """What all events of a repository have."""
    return {
        "delivery": DELIVERY,
        "repository": name,
        "urls": (f"{server}/{name}.git", *ssh),
        "actor": login,
    }


WORLD = at(
    "http://try.gogs.io", "gogits/hello-world", "unknwon", "git@localhost:gogits/hello-world.git",
    "http://try.gogs.io/gogits/hello-world",
)  # fmt: skip
HOOKS = at(
    "http://localhost:3000", "unknwon/webhooks", "unknwon",
    "ssh://unknwon@localhost:2222/unknwon/webhooks.git", "http://localhost:3000/unknwon/webhooks",
)  # fmt: skip
REPO = at("https://gogs.example.com", "user/repo", None, "https://gogs.example.com/user/repo")
EVENTS = [
    ("push", "push", Event(  # which does not say whether it lists all commits
        event="push", ref="refs/heads/master", before="9836a96a253cce25d17988fcf41b8c4205cf779f",
        sha="4522cbcefc20728a5b72b3a86af35e608622c514", created=False, deleted=False, paths=None,
        message="Updated readme\n", **WORLD,
    )),
    ("push", "gp_push-event", Event(
        event="push", ref="refs/heads/develop", before="28e1879d029cb852e4844d9c718537df08844e03",
        sha="bffeb74224043ba2feb48d137756c8a9331c449a", created=False, deleted=False,
        message="Add new feature", **HOOKS,
    )),
    ("create", "gp_create-event", Event(event="create", **REPO)),  # the push says the same
    ("create", "tag_create", Event(  # of which no push tells
        event="tag", ref="refs/tags/v1.0.0", sha="599d25c67b05717269f50ac082b34f176d085179",
        created=True, deleted=False, **WORLD,
    )),
    ("release", "gp_release-event", Event(
        event="release", action="published", ref="refs/tags/v1.0.0", **REPO,
    )),
]  # fmt: skip


def told(kind: str, content: Content) -> Event:
    (event,) = gogs.events({"x-gogs-event": kind, "x-gogs-delivery": DELIVERY}, content)
    return event


@pytest.mark.parametrize(("kind", "name", "event"), EVENTS, ids=[name for _, name, _ in EVENTS])
def test_a_delivery_tells_what_has_happened(kind, name, event):
    assert told(kind, payload(f"gogs/{name}.json")) == event
    assert faults(event) == []


@pytest.mark.parametrize(("kind", "ref"), [("branch", "refs/heads/a"), ("tag", "refs/tags/a")])
def test_what_was_deleted_is_told_by_delete_only(kind, ref):
    event = told("delete", {"ref": "a", "ref_type": kind})

    assert (event.ref, event.deleted, event.sha) == (ref, True, None)


def test_a_form_is_believed_by_its_json():
    text = raw("gogs/push.json")
    request = incoming(form(text), {"X-Gogs-Signature": mac(text)}, FORM)

    gogs.verify(request, keys(), 0)

    assert gogs.read(request) == payload("gogs/push.json")


@pytest.mark.parametrize("kind", ["push", "pull_request", "release"])
def test_a_header_that_calls_it_something_else_is_refused(kind):
    with pytest.raises(Unreadable):
        told(kind, payload("gogs/tag_create.json"))
