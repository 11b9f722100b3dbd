"""GitHub's deliveries, as they came, and what they tell."""

from typing import Any

import pytest

from app.hooks import github
from app.hooks.body import Content
from app.hooks.event import Event, faults
from app.hooks.incoming import FORM, Denied, Unreadable
from app.hooks.sender import Handshake
from tests.hooks.sent import SECRET, incoming, keys, mac, payload, raw

DELIVERY = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def at(name: str, login: str) -> dict[str, Any]:
    """What all events of a repository have."""
    return {
        "delivery": DELIVERY,
        "repository": name,
        "urls": (
            f"https://github.com/{name}.git",
            f"git@github.com:{name}.git",
            f"git://github.com/{name}.git",
            f"https://github.com/{name}",
        ),
        "actor": login,
    }


HELLO = at("Codertocat/Hello-World", "Codertocat")
DRONE = at("bradrydzewski/drone-test-go", "bradrydzewski")
OCTO = at("octo-org/octo-repo", "Codertocat")
OLD, NEW = "a10867b14bb761a232cd80139fbd4c0d33264240", "199eddf46df50de8d02e99bf1c5fdb4101338224"
DRONE_SHA = "d2b75aa7797ec26b088fa2dd527e9d2c052fcedd"
HELLO_SHA = "6113728f27ae82c7b1a177c8d03f9e96e0adf246"
HEAD_SHA = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
PUSHED = {"created": False, "deleted": False, "forced": False}
CREATED = {**PUSHED, "created": True}
DELETED = {**PUSHED, "deleted": True}
EVENTS = [
    ("push", "push_branch", Event(
        event="push", ref="refs/heads/master", before=OLD, sha=NEW, paths=("README.md",),
        message="Update README", **PUSHED, **HELLO,
    )),
    ("push", "push_new_branch", Event(  # of which its commits do not tell all that is new in it
        event="push", ref="refs/heads/master", sha=HELLO_SHA, paths=None,
        message="Initial commit", **CREATED, **HELLO,
    )),
    ("push", "push_branch_delete", Event(
        event="push", ref="refs/heads/feature-branch", before=DRONE_SHA, **DELETED, **DRONE,
    )),
    ("push", "push_tag", Event(
        event="tag", ref="refs/tags/v0.0.1", sha=DRONE_SHA, message="Update .drone.yml",
        **CREATED, **DRONE,
    )),
    ("push", "push_tag_delete", Event(
        event="tag", ref="refs/tags/v0.0.1", before=DRONE_SHA, **DELETED, **DRONE,
    )),
    ("push", "push", Event(  # GitHub's own example of a push, and of a deleted tag
        event="tag", ref="refs/tags/simple-tag", before=HELLO_SHA, **DELETED, **HELLO,
    )),
    ("push", "push_commits", Event(
        event="tag", ref="refs/tags/simple-tag", before=HELLO_SHA, **DELETED, **HELLO,
    )),
    ("create", "create_tag", Event(event="create", **HELLO)),  # the push says the same
    ("delete", "delete_branch", Event(event="delete", **HELLO)),  # the push says the same
    ("pull_request", "pull_request_opened", Event(
        event="pull_request", action="opened", ref="refs/heads/changes", sha=HEAD_SHA,
        message="Update the README with new information.", **HELLO,
    )),
    ("pull_request", "pull_request_closed", Event(  # and not merged
        event="pull_request", action="closed", ref="refs/heads/changes", sha=HEAD_SHA,
        message="Update the README with new information.", **HELLO,
    )),
    ("release", "release_published", Event(
        event="release", action="published", ref="refs/tags/0.0.1", **HELLO,
    )),
    ("workflow_run", "workflow_run_completed", Event(
        event="workflow_run", action="completed", ref="refs/heads/master",
        sha="3484a3fb816e0859fd6e1cea078d76385ff50625",
        message="build(test): check workflow run event payload", **OCTO,
    )),
    ("workflow_dispatch", "workflow_dispatch", Event(
        event="workflow_dispatch", ref="refs/heads/master", **OCTO,
    )),
    ("repository_dispatch", "repository_dispatch", Event(
        event="repository_dispatch", action="on-demand-test", ref="refs/heads/master", **OCTO,
    )),
]  # fmt: skip


def told(kind: str, content: Content) -> Event:
    events = github.events({"x-github-event": kind, "x-github-delivery": DELIVERY}, content)
    assert isinstance(events, list)
    (event,) = events
    return event


@pytest.mark.parametrize(("kind", "name", "event"), EVENTS, ids=[name for _, name, _ in EVENTS])
def test_a_delivery_tells_what_has_happened(kind, name, event):
    assert told(kind, payload(f"github/{name}.json")) == event
    assert faults(event) == []


@pytest.mark.parametrize("name", ["ping.json", "ping_form.body"])
def test_a_ping_is_answered_and_nothing_has_happened(name):
    request = incoming(raw(f"github/{name}"), {}, FORM if name.endswith("body") else "")

    told = github.events({"x-github-event": "ping"}, github.read(request))

    assert isinstance(told, Handshake)


def test_a_form_tells_what_its_json_would():
    request = incoming(raw("github/push_new_branch.form"), {}, FORM)

    assert github.read(request) == payload("github/push_new_branch.json")


def test_a_form_is_signed_as_it_is_and_not_by_its_json():
    body = raw("github/push_new_branch.form")
    as_it_is = {"X-Hub-Signature-256": f"sha256={mac(body)}"}
    by_json = {"X-Hub-Signature-256": f"sha256={mac(raw('github/push_new_branch.json'))}"}

    github.verify(incoming(body, as_it_is, FORM), keys(), 0)
    with pytest.raises(Denied):
        github.verify(incoming(body, by_json, FORM), keys(), 0)


def test_sha1_alone_is_not_enough_and_not_looked_at_beside_sha256():
    body = b"{}"
    sha1 = {"X-Hub-Signature": f"sha1={mac(body, 'sha1')}"}
    wrong = {"X-Hub-Signature-256": f"sha256={mac(body, 'sha1')}"}

    with pytest.raises(Denied):
        github.verify(incoming(body, sha1), keys(), 0)
    with pytest.raises(Denied):
        github.verify(incoming(body, {**sha1, **wrong}), keys(), 0)
    right = {"X-Hub-Signature-256": f"sha256={mac(body)}", "X-Hub-Signature": "sha1=0"}
    github.verify(incoming(body, right), keys(), 0)


def test_a_merged_pull_request_is_a_merge_into_its_base():
    content = payload("github/pull_request_closed.json")
    content["pull_request"]["merged"] = True

    event = told("pull_request", content)

    assert (event.event, event.ref) == ("merge", "refs/heads/master")
    assert event.sha == "c4295bd74fb0f4fda03689c3df3f2803b658fd85"
    assert event.before == "f95f852bd8fca8fcc58a9a2d6c842781e32a215e"
    assert not event.fork


def test_a_merge_of_a_fork_is_no_code_of_a_fork():
    content = payload("github/pull_request_closed.json")
    content["pull_request"]["merged"] = True
    content["pull_request"]["head"]["repo"]["full_name"] = "mallory/Hello-World"

    assert not told("pull_request", content).fork


@pytest.mark.parametrize(
    ("repository", "fork"),
    [
        ({"full_name": "mallory/Hello-World", "fork": True}, True),
        ({"full_name": "mallory/Hello-World"}, True),  # whatever it says of itself
        ({"full_name": "Codertocat/Hello-World", "fork": True}, False),  # itself a fork of another
        (None, True),  # deleted since
    ],
)
def test_a_pull_request_of_another_repository_is_a_forks(repository, fork):
    content = payload("github/pull_request_opened.json")
    content["pull_request"]["head"]["repo"] = repository

    assert told("pull_request", content).fork is fork


@pytest.mark.parametrize("other", ["mallory/octo-repo", None])
def test_a_workflow_of_another_repository_is_a_forks(other):
    content = payload("github/workflow_run_completed.json")
    content["workflow_run"]["head_repository"] = {"full_name": other}

    assert told("workflow_run", content).fork


@pytest.mark.parametrize("kind", ["pull_request_review", "pull_request_review_comment", "anything"])
@pytest.mark.parametrize(("name", "fork"), [("mallory/Hello-World", True), (None, False)])
def test_what_is_about_a_pull_request_of_a_fork_is_of_the_fork(kind, name, fork):
    content = payload("github/pull_request_opened.json")
    if name:
        content["pull_request"]["head"]["repo"]["full_name"] = name

    assert told(kind, content).fork is fork


@pytest.mark.parametrize(
    ("kind", "content", "fork"),
    [
        ("check_suite", {"check_suite": {"head_branch": "main", "head_sha": DRONE_SHA}}, False),
        # "Pushes to a branch in a forked repository … return … a null value for head_branch."
        ("check_suite", {"check_suite": {"head_branch": None, "head_sha": DRONE_SHA}}, True),
        ("check_run", {"check_run": {"check_suite": {"head_branch": "main"}}}, False),
        ("check_run", {"check_run": {"check_suite": {"head_branch": None}}}, True),
        ("status", {"sha": DRONE_SHA, "branches": [{"name": "main"}]}, False),
        ("status", {"sha": DRONE_SHA, "branches": []}, True),  # of no branch of this repository
        ("deployment_status", {}, False),
    ],
)
def test_checks_of_no_branch_are_of_a_fork(kind, content, fork):
    assert told(kind, content).fork is fork


def test_an_annotated_tag_is_its_commit():
    content = payload("github/push_tag.json")
    content["after"] = "1" * 40

    assert told("push", content).sha == DRONE_SHA


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"forced": True}, "what was dropped has changed files, too"),
        ({"commits": []}, "the branch moved to commits that were known"),
        ({"commits": [{"added": [], "modified": [], "removed": []}] * 2048}, "there may be more"),
        ({"commits": [{"added": ["a"]}]}, "nobody says what was removed"),
        ({"before": "0" * 64}, "the branch is new, of SHA-256"),
    ],
)
def test_paths_are_unknown_where_they_may_not_be_all(change, why):
    content = payload("github/push_branch.json") | change

    assert told("push", content).paths is None, why


def test_a_forced_push_says_so():
    assert told("push", payload("github/push_branch.json") | {"forced": True}).forced is True


def test_drafts_and_edits_of_releases_are_no_releases():
    content = payload("github/release_published.json") | {"action": "edited"}

    assert told("release", content).event == "release_changed"


@pytest.mark.parametrize("kind", ["push", "pull_request", "release", "workflow_run"])
def test_a_header_that_calls_it_something_else_is_refused(kind):
    with pytest.raises(Unreadable):
        told(kind, payload("github/create_tag.json"))


def test_what_is_not_known_keeps_githubs_name():
    assert told("deployment_status", {}) == Event(event="deployment_status", delivery=DELIVERY)


def test_the_secret_is_not_in_what_the_log_is_told():
    with pytest.raises(Denied) as denied:
        github.verify(incoming(b"{}", {"X-Hub-Signature-256": "sha256=00"}), keys(), 0)

    assert SECRET not in str(denied.value)
    assert mac(b"{}") not in str(denied.value)
