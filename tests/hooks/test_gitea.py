"""Gitea's and Forgejo's deliveries, as they came, and what they tell."""

from typing import Any

import pytest

from app.hooks import gitea
from app.hooks.body import Content
from app.hooks.event import Event, faults
from app.hooks.incoming import FORM, Denied, Unreadable
from tests.hooks.sent import form, incoming, keys, mac, payload, raw

DELIVERY = "f6266f16-1bf3-46a5-9ea4-602e06ead473"


def at(server: str, name: str, login: str, ssh: str = "localhost") -> dict[str, Any]:
    """What all events of a repository have."""
    return {
        "delivery": DELIVERY,
        "repository": name,
        "urls": (f"{server}/{name}.git", f"git@{ssh}:{name}.git", f"{server}/{name}"),
        "actor": login,
    }


EXAMPLE = at("http://localhost:3000", "example/example", "example")
WORLD = at("http://try.gitea.io", "gogits/hello-world", "unknwon")
FIRST = "67b56589a45103f891bdee7c0546e5d40bc02001"
OLD, NEW = "9836a96a253cce25d17988fcf41b8c4205cf779f", "4522cbcefc20728a5b72b3a86af35e608622c514"
EVENTS = [
    ("push", "push", Event(
        event="push", ref="refs/heads/master", sha=FIRST, created=True, deleted=False,
        message="example\n", **EXAMPLE,
    )),
    ("push", "push2", Event(  # before it told how many commits there are: perhaps not all paths
        event="push", ref="refs/heads/master", before=OLD, sha=NEW, created=False, deleted=False,
        paths=None, message="Updated readme\n", **WORLD,
    )),
    ("create", "create", Event(event="create", **EXAMPLE)),  # the push says the same
    ("create", "tag_create", Event(event="create", **WORLD)),  # the push says the same
    ("delete", "delete", Event(  # of which no push tells
        event="push", ref="refs/heads/example3", created=False, deleted=True, **EXAMPLE,
    )),
    ("pull_request", "pull_request", Event(
        event="pull_request", action="opened", ref="refs/heads/master",
        sha="48e773f892a831faa47c0a160d1b7f0cd369ae2a", message="update", fork=True,
        **EXAMPLE | {"actor": "example2"},
    )),
    ("pull_request", "pull_request_edited", Event(
        event="pull_request", action="edited", ref="refs/heads/feature",
        sha="2eba238e33607c1fa49253182e9fff42baafa1eb", message="Add LICENSE File",
        **at("https://try.gitea.io", "jcitizen/my-repo", "jcitizen", "try.gitea.io"),
    )),
    ("release", "release", Event(
        event="release", action="published", ref="refs/tags/example", message="0.0.0", **EXAMPLE,
    )),
]  # fmt: skip


def told(kind: str, content: Content) -> Event:
    (event,) = gitea.events({"x-gitea-event": kind, "x-gitea-delivery": DELIVERY}, content)
    return event


@pytest.mark.parametrize(("kind", "name", "event"), EVENTS, ids=[name for _, name, _ in EVENTS])
def test_a_delivery_tells_what_has_happened(kind, name, event):
    assert told(kind, payload(f"gitea/{name}.json")) == event
    assert faults(event) == []


def test_forgejo_is_read_by_its_own_headers():
    headers = {"x-forgejo-event": "push", "x-forgejo-delivery": "2", "x-gitea-event": "create"}
    (event,) = gitea.events(headers, payload("gitea/push.json"))

    assert (event.event, event.delivery) == ("push", "2")


def test_a_form_is_believed_by_its_json_and_not_by_itself():
    body = raw("gitea/push.form")
    text = gitea.signed_json(incoming(body, {}, FORM))

    gitea.verify(incoming(body, {"X-Gitea-Signature": mac(text)}, FORM), keys(), 0)
    with pytest.raises(Denied):
        gitea.verify(incoming(body, {"X-Gitea-Signature": mac(body)}, FORM), keys(), 0)


def test_a_form_tells_what_its_json_would():
    assert gitea.read(incoming(raw("gitea/push.form"), {}, FORM)) == payload("gitea/push.json")


def test_a_large_form_is_denied_before_it_is_read():
    text = b'{"a": "' + b"x" * gitea.MOST_FORM + b'"}'

    with pytest.raises(Denied, match="are sent as JSON"):
        gitea.verify(incoming(form(text), {"X-Gitea-Signature": mac(text)}, FORM), keys(), 0)
    gitea.verify(incoming(text, {"X-Gitea-Signature": mac(text)}), keys(), 0)


@pytest.mark.parametrize("body", [b"payload", b"payload=%ff", b"payload=1&payload=2", b"a=1"])
def test_a_form_that_is_none_is_denied(body):
    with pytest.raises(Denied):
        gitea.verify(incoming(body, {"X-Gitea-Signature": mac(body)}, FORM), keys(), 0)


def test_what_github_would_sign_is_not_looked_at():
    body = b"{}"
    headers = {"X-Hub-Signature-256": f"sha256={mac(body)}", "X-Gogs-Signature": mac(body)}

    with pytest.raises(Denied):
        gitea.verify(incoming(body, headers), keys(), 0)


def test_a_wrong_signature_of_forgejo_is_denied_beside_a_right_one_of_gitea():
    headers = {"X-Gitea-Signature": mac(b"{}"), "X-Forgejo-Signature": ""}

    with pytest.raises(Denied):
        gitea.verify(incoming(b"{}", headers), keys(), 0)


def test_the_secret_that_old_ones_send_is_not_kept():
    content = gitea.read(incoming(raw("gitea/pull_request_edited.json"), {}))

    assert "secret" in payload("gitea/pull_request_edited.json")
    assert "secret" not in content


@pytest.mark.parametrize(("total", "paths"), [(1, ("README.md",)), (2, None)])
def test_paths_are_known_where_all_commits_are_listed(total, paths):
    content = payload("gitea/push2.json") | {"total_commits": total}

    assert told("push", content).paths == paths


def test_a_merged_pull_request_is_a_merge_into_its_base():
    content = payload("gitea/pull_request.json") | {"action": "closed"}
    content["pull_request"] |= {"merged": True, "merge_commit_sha": FIRST}

    event = told("pull_request", content)

    assert (event.event, event.ref, event.sha) == ("merge", "refs/heads/master", FIRST)
    assert not event.fork


def test_a_pull_request_whose_branch_is_gone_is_of_no_branch():
    content = payload("gitea/pull_request.json")
    content["pull_request"]["head"]["ref"] = "refs/pull/2/head"

    event = told("pull_request", content)

    assert (event.ref, event.branch) == ("refs/pull/2/head", None)


def test_a_deleted_tag_is_told_by_its_push_only():
    gone = {"ref": "v1", "ref_type": "tag"}
    push = {"ref": "refs/tags/v1", "before": FIRST, "after": "0" * 40, "commits": []}

    assert told("delete", payload("gitea/delete.json") | gone).event == "delete"
    assert told("push", push).deleted


@pytest.mark.parametrize("kind", ["push", "pull_request", "release"])
def test_a_header_that_calls_it_something_else_is_refused(kind):
    with pytest.raises(Unreadable):
        told(kind, payload("gitea/create.json"))
