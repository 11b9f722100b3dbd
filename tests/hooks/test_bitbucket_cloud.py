"""Bitbucket Cloud's deliveries, as they came, and what they tell."""

import pytest

from app.hooks import bitbucket_cloud
from app.hooks.body import Content
from app.hooks.event import Event, faults
from app.hooks.incoming import Denied, Unreadable
from tests.hooks.sent import incoming, keys, mac, payload

DELIVERY = "d8b9f2f5-8f3c-4f6e-9d8c-0f4a7c5b1e2a"
FOO = {
    "delivery": DELIVERY,
    "repository": "brydzewski/foo",
    "urls": ("https://bitbucket.org/brydzewski/foo",),
    "actor": "557058:2a6349dc-4346-4805-bd84-3abdd0812d17",
}
SHA = "141977fedf5cf35aa290ac87d4b5177ac4cd9de1"
PUSHED = {"created": False, "deleted": False, "forced": False}
CREATED = {**PUSHED, "created": True, "message": "Update README\n"}
DELETED = {**PUSHED, "deleted": True}
EVENTS = [
    ("repo:push", "push", Event(
        event="push", ref="refs/heads/master", before="40e7580cf11311d84a6e5e97e2cbba6df1675750",
        sha=SHA, message="Update README\n", **PUSHED, **FOO,
    )),
    ("repo:push", "push_branch_create", Event(
        event="push", ref="refs/heads/develop", sha=SHA, **CREATED, **FOO,
    )),
    ("repo:push", "push_branch_delete", Event(
        event="push", ref="refs/heads/develop", before=SHA, **DELETED, **FOO,
    )),
    ("repo:push", "push_tag_create", Event(  # which looks like a branch, and is none
        event="tag", ref="refs/tags/feature/x", sha=SHA, **CREATED, **FOO,
    )),
    ("repo:push", "push_tag_delete", Event(
        event="tag", ref="refs/tags/feature/x", before=SHA, **DELETED, **FOO,
    )),
    ("pullrequest:fulfilled", "pr_fulfilled", Event(  # whose commits have 12 digits: they are none
        event="merge", action="fulfilled", ref="refs/heads/master", message="Awesome new feature",
        **FOO,
    )),
]  # fmt: skip


def told(kind: str, content: Content) -> list[Event]:
    return bitbucket_cloud.events({"x-event-key": kind, "x-request-uuid": DELIVERY}, content)


@pytest.mark.parametrize(("kind", "name", "event"), EVENTS, ids=[name for _, name, _ in EVENTS])
def test_a_delivery_tells_what_has_happened(kind, name, event):
    assert told(kind, payload(f"bitbucket_cloud/{name}.json")) == [event]
    assert faults(event) == []


def test_a_push_of_many_refs_is_an_event_for_each():
    content = payload("bitbucket_cloud/push.json")
    for other in ("push_branch_delete", "push_tag_create"):
        content["push"]["changes"] += payload(f"bitbucket_cloud/{other}.json")["push"]["changes"]

    events = told("repo:push", content)

    assert [each.ref for each in events] == [
        "refs/heads/master", "refs/heads/develop", "refs/tags/feature/x",
    ]  # fmt: skip
    assert [each.deleted for each in events] == [False, True, False]
    assert {each.delivery for each in events} == {DELIVERY}


def test_a_header_makes_no_merge_of_an_open_pull_request():
    content = payload("bitbucket_cloud/pr_fulfilled.json")
    content["pullrequest"]["state"] = "OPEN"

    (event,) = told("pullrequest:fulfilled", content)

    assert (event.event, event.ref) == ("pullrequest:fulfilled", "refs/heads/develop")


def test_a_full_commit_of_a_merge_is_told():
    content = payload("bitbucket_cloud/pr_fulfilled.json")
    content["pullrequest"]["merge_commit"]["hash"] = SHA

    assert told("pullrequest:fulfilled", content)[0].sha == SHA


@pytest.mark.parametrize("repository", [{"full_name": "mallory/foo"}, None])
def test_a_pull_request_of_another_repository_is_a_forks(repository):
    content = payload("bitbucket_cloud/pr_fulfilled.json")

    assert not told("pullrequest:created", content)[0].fork
    content["pullrequest"]["source"]["repository"] = repository
    assert told("pullrequest:created", content)[0].fork


def test_a_mercurial_bookmark_is_neither_branch_nor_tag():
    content = payload("bitbucket_cloud/push.json")
    content["push"]["changes"][0]["new"]["type"] = "bookmark"

    (event,) = told("repo:push", content)

    assert (event.branch, event.tag) == (None, None)


@pytest.mark.parametrize("push", [None, {}, {"changes": []}, {"changes": [{}]}])
def test_a_push_of_nothing_is_refused(push):
    with pytest.raises(Unreadable):
        told("repo:push", {"push": push})


def test_its_signature_is_no_sha1_though_the_header_is_called_so():
    with pytest.raises(Denied):
        bitbucket_cloud.verify(
            incoming(b"{}", {"X-Hub-Signature": f"sha1={mac(b'{}', 'sha1')}"}), keys(), 0
        )


def test_what_is_not_known_keeps_bitbuckets_name():
    assert told("repo:fork", {})[0].event == "repo:fork"
