"""GitLab's deliveries, as they came, and what they tell."""

from typing import Any

import pytest

from app.hooks import gitlab
from app.hooks.body import Content
from app.hooks.event import Event, faults
from app.hooks.incoming import Denied, Unreadable
from tests.hooks.sent import NOW, SECRET, SIGNING_TOKEN, incoming, keys, payload, standard_signature

DELIVERY = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"


def at(server: str, name: str) -> dict[str, Any]:
    """What all events of a project have."""
    ssh = "git@gitlab.com:" if server == "gitlab.com" else f"ssh://git@{server}/"
    return {
        "delivery": DELIVERY,
        "repository": name,
        "urls": (f"https://{server}/{name}.git", f"{ssh}{name}.git", f"https://{server}/{name}"),
    }


HELLO = {**at("gitlab.com", "gitlab-org/hello-world"), "actor": "sytses"}
SHA, OTHER = "2adc9465c4edfc33834e173fe89436a7cb899a1d", "c4c79227ed610f1151f05bbc5be33b4f340d39c8"
EVENTS = [
    ("Push Hook", "push", Event(
        event="push", ref="refs/heads/master", before="9217710ce8c7e1eae7a5d1c45f6e43e1c769f866",
        sha=SHA, created=False, deleted=False, paths=("README.md",), message="added readme\n",
        **HELLO,
    )),
    ("Push Hook", "branch_create", Event(
        event="push", ref="refs/heads/feature", sha=OTHER, created=True, deleted=False,
        message="update readme\n", **HELLO,
    )),
    ("Push Hook", "branch_delete", Event(
        event="push", ref="refs/heads/feature", before=OTHER, created=False, deleted=True, **HELLO,
    )),
    ("Tag Push Hook", "tag_create", Event(
        event="tag", ref="refs/tags/v1.0.0", sha=SHA, created=True, deleted=False,
        message="added readme\n", **HELLO,
    )),
    ("Tag Push Hook", "tag_delete", Event(
        event="tag", ref="refs/tags/v1.0.0", before=SHA, created=False, deleted=True, **HELLO,
    )),
    ("Merge Request Hook", "merge_request_open", Event(
        event="merge_request", action="open", ref="refs/heads/feature", sha=OTHER,
        message="update readme", **HELLO,
    )),
    ("Merge Request Hook", "merge_request_merge", Event(
        event="merge", action="merge", ref="refs/heads/master",
        sha="78a76ee6b4992a6baf64c59fc4c44c7323d60438", message="update readme", **HELLO,
    )),
    ("Release Hook", "release", Event(
        event="release", action="create", ref="refs/tags/v1.1", message="v1.1",
        sha="ee0a3fb31ac16e11b9dbb596ad16d4af654d08f8",
        **at("example.com", "gitlab-org/release-webhook-example"),
    )),
]  # fmt: skip


def told(kind: str, content: Content) -> Event:
    (event,) = gitlab.events({"x-gitlab-event": kind, "idempotency-key": DELIVERY}, content)
    return event


@pytest.mark.parametrize(("kind", "name", "event"), EVENTS, ids=[name for _, name, _ in EVENTS])
def test_a_delivery_tells_what_has_happened(kind, name, event):
    assert told(kind, payload(f"gitlab/{name}.json")) == event
    assert faults(event) == []


def test_a_wrong_signature_beside_the_right_token_is_denied():
    headers = {"X-Gitlab-Token": SECRET, **standard_signature(b"{}")}
    both = keys(SECRET, SIGNING_TOKEN)

    gitlab.verify(incoming(b"{}", headers), both, NOW)
    with pytest.raises(Denied):
        gitlab.verify(incoming(b'{"a": 1}', headers), both, NOW)
    with pytest.raises(Denied):
        gitlab.verify(incoming(b"{}", {**headers, "webhook-signature": ""}), both, NOW)
    with pytest.raises(Denied):
        gitlab.verify(incoming(b"{}", headers), keys(SECRET), NOW)


def test_a_signing_token_is_no_secret_token():
    with pytest.raises(Denied):
        gitlab.verify(incoming(b"{}", {"X-Gitlab-Token": SIGNING_TOKEN}), keys(SIGNING_TOKEN), NOW)


def test_while_the_token_gives_way_to_a_signing_token_each_is_enough():
    both = keys(SECRET, SIGNING_TOKEN)

    gitlab.verify(incoming(b"{}", {"X-Gitlab-Token": SECRET}), both, NOW)
    gitlab.verify(incoming(b"{}", standard_signature(b"{}")), both, NOW)


def test_a_fast_forward_is_its_last_commit():
    content = payload("gitlab/merge_request_merge.json")
    content["object_attributes"]["merge_commit_sha"] = None

    assert told("Merge Request Hook", content).sha == OTHER


@pytest.mark.parametrize("source", [666, None])
def test_a_merge_request_of_another_project_is_a_forks(source):
    content = payload("gitlab/merge_request_open.json")
    content["object_attributes"]["source_project_id"] = source

    assert told("Merge Request Hook", content).fork


@pytest.mark.parametrize(
    ("merge_request", "fork"),
    [
        ({"source_project_id": 2, "target_project_id": 1}, True),
        ({"source_project_id": 1, "target_project_id": 1}, False),
        ({"target_project_id": 1}, True),  # deleted since
        (None, False),  # of a branch
    ],
)
@pytest.mark.parametrize("kind", ["pipeline", "note"])
def test_what_is_about_a_merge_request_of_a_fork_is_of_the_fork(kind, merge_request, fork):
    content = {"object_kind": kind, "merge_request": merge_request}

    assert told("", content).fork is fork


def test_new_commits_of_a_merge_request_tell_where_it_was_before():
    content = payload("gitlab/merge_request_open.json")
    content["object_attributes"] |= {"action": "update", "oldrev": SHA}

    event = told("Merge Request Hook", content)

    assert (event.action, event.before, event.sha) == ("update", SHA, OTHER)


def test_of_more_commits_than_are_listed_the_paths_are_unknown():
    content = payload("gitlab/push.json") | {"total_commits_count": 21}

    assert told("Push Hook", content).paths is None


def test_an_annotated_tag_is_its_commit():
    content = payload("gitlab/tag_create.json") | {"after": "1" * 40}

    assert told("Tag Push Hook", content).sha == SHA


def test_edits_of_releases_are_no_releases():
    content = payload("gitlab/release.json") | {"action": "update"}

    assert told("Release Hook", content).event == "release_changed"


@pytest.mark.parametrize("kind", sorted(gitlab.KINDS))
def test_a_header_that_calls_it_something_else_is_refused(kind):
    with pytest.raises(Unreadable):
        told(kind, {"object_kind": "pipeline"})


def test_a_system_hook_is_read_by_its_content():
    event = told("System Hook", payload("gitlab/push.json"))

    assert (event.event, event.sha) == ("push", SHA)


def test_what_is_not_known_keeps_gitlabs_name():
    assert told("Pipeline Hook", {"object_kind": "pipeline"}).event == "pipeline"
    assert told("Pipeline Hook", {}).event == "Pipeline Hook"


def test_the_signed_id_is_the_deliverys():
    headers = {"webhook-id": "msg_1", "idempotency-key": "other"}
    (event,) = gitlab.events(headers, payload("gitlab/push.json"))

    assert event.delivery == "msg_1"
