"""Bitbucket Data Center's deliveries, as they came, and what they tell."""

import pytest

from app.hooks import bitbucket_dc
from app.hooks.body import Content
from app.hooks.event import Event, faults
from app.hooks.incoming import Denied, Unreadable
from app.hooks.sender import Handshake
from tests.hooks.sent import incoming, keys, mac, payload

DELIVERY = "e7a2c0c4-6b1d-4a3e-8c35-2f9d6a1b7c90"
MINE = {
    "delivery": DELIVERY,
    "repository": "PRJ/my-repo",
    "urls": ("scm/PRJ/my-repo",),
    "actor": "jcitizen",
}
GOPHER = {
    "delivery": DELIVERY,
    "repository": "~gopher/webhook-test",
    "urls": (
        "ssh://git@server.bitbucket.local:7999/~gopher/webhook-test.git",
        "https://server.bitbucket.local/scm/~gopher/webhook-test.git",
    ),
    "actor": "gopher",
}
SHA = "823b2230a56056231c9425d63758fa87078a66b4"
EVENTS = [
    ("repo:refs_changed", "push", Event(
        event="push", ref="refs/heads/master", before="5c64a07cd6c0f21b753bf261ef059c7e7633c50a",
        sha=SHA, created=False, deleted=False, **MINE,
    )),
    ("repo:refs_changed", "push_branch_delete", Event(
        event="push", ref="refs/heads/develop", before="208b0a5c05eddadad01f2aed8802fe0c3b3eaf5e",
        created=False, deleted=True, **MINE,
    )),
    ("repo:refs_changed", "push_tag_create", Event(
        event="tag", ref="refs/tags/v1.1.0", sha=SHA, created=True, deleted=False, **MINE,
    )),
    ("repo:refs_changed", "refs_changed", Event(
        event="push", ref="refs/heads/feature/wip",
        before="32a0b8a740c2963c6f56bd8baf3dc05683d299e0", created=False, deleted=True, **GOPHER,
    )),
    ("pr:merged", "pr_merged", Event(
        event="merge", action="merged", ref="refs/heads/master",
        sha="cbf26be7bfc8394906abbd571498fb8d28888b58", message="Update README", **GOPHER,
    )),
]  # fmt: skip


def told(kind: str, content: Content) -> list[Event]:
    events = bitbucket_dc.events({"x-event-key": kind, "x-request-id": DELIVERY}, content)
    assert isinstance(events, list)
    return events


@pytest.mark.parametrize(("kind", "name", "event"), EVENTS, ids=[name for _, name, _ in EVENTS])
def test_a_delivery_tells_what_has_happened(kind, name, event):
    assert told(kind, payload(f"bitbucket_dc/{name}.json")) == [event]
    assert faults(event) == []


def test_a_ping_is_answered_when_it_is_signed_and_denied_else():
    body = b'{"test": true}'
    key = {"X-Event-Key": "diagnostics:ping"}

    with pytest.raises(Denied):
        bitbucket_dc.verify(incoming(body, key), keys(), 0)
    signed = {**key, "X-Hub-Signature": f"sha256={mac(body)}"}
    bitbucket_dc.verify(incoming(body, signed), keys(), 0)
    told = bitbucket_dc.events({"x-event-key": "diagnostics:ping"}, {"test": True})
    assert isinstance(told, Handshake)


@pytest.mark.parametrize("kind", ["diagnostics:ping", "pr:merged", "repo:modified"])
def test_a_header_that_calls_it_something_else_is_refused(kind):
    with pytest.raises(Unreadable):
        told(kind, payload("bitbucket_dc/push.json"))


def test_a_push_of_many_refs_is_an_event_for_each():
    content = payload("bitbucket_dc/push.json")
    content["changes"] += payload("bitbucket_dc/push_tag_create.json")["changes"]

    events = told("repo:refs_changed", content)

    assert [each.ref for each in events] == ["refs/heads/master", "refs/tags/v1.1.0"]


def test_newer_ones_tell_the_last_commits_message():
    content = payload("bitbucket_dc/push.json")
    content["toCommit"] = {"id": SHA, "message": "fix [skip ci]"}

    (event,) = told("repo:refs_changed", content)

    assert event.asks_to_skip


def test_an_open_pull_request_is_no_merge():
    content = payload("bitbucket_dc/pr_merged.json")
    content["pullRequest"]["state"] = "OPEN"

    (event,) = told("pr:merged", content)

    assert (event.event, event.ref) == ("pr:merged", "refs/heads/feature/wip")


def test_a_pull_request_of_another_repository_is_a_forks():
    content = payload("bitbucket_dc/pr_merged.json") | {"eventKey": "pr:opened"}

    assert not told("pr:opened", content)[0].fork
    content["pullRequest"]["fromRef"]["repository"]["project"]["key"] = "~mallory"
    assert told("pr:opened", content)[0].fork
    del content["pullRequest"]["fromRef"]["repository"]
    assert told("pr:opened", content)[0].fork


@pytest.mark.parametrize("changes", [None, [], [{}]])
def test_a_push_of_nothing_is_refused(changes):
    with pytest.raises(Unreadable):
        told("repo:refs_changed", {"changes": changes})
