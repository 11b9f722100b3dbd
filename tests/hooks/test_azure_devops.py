"""Azure DevOps' deliveries, as they came, and what they tell."""

import base64

import pytest

from app.hooks import azure_devops
from app.hooks.event import Event, faults
from app.hooks.incoming import Denied, Unreadable
from tests.hooks.sent import BASIC, SECRET, incoming, keys, payload

SHA = "33b55f7cb7e7e245323987634f960cf4a6e6bc74"
ORGANISATION = "https://dev.azure.com/fabrikam-fiber-inc/DefaultCollection/_git/"
FIBER = {
    "delivery": "03c164c2-8912-4d5e-8009-3707d5f83734",
    "repository": "Fabrikam-Fiber-Git/Fabrikam-Fiber-Git",
    "urls": (f"{ORGANISATION}Fabrikam-Fiber-Git",),
    "actor": "Windows Live ID\\fabrikamfiber4@hotmail.com",
    "before": "aad331d8d3b131fa9ae03cf5e53965b51942618a",
    "sha": SHA,
    "created": False,
    "deleted": False,
    "message": "Fixed bug in web.config file",
}
EVENTS = [
    ("git_push", Event(event="push", ref="refs/heads/main", **FIBER)),
    ("push2", Event(event="push", ref="refs/heads/master", **FIBER)),
    ("git_pullrequest_merged", Event(
        event="merge", action="merged", delivery="6872ee8c-b333-4eff-bfb9-0d5274943566",
        ref="refs/heads/master", before="a511f535b1ea495ee0c903badb68fbc83772c882",
        sha="eef717f69257a6333f221566c1c987dc94cc0d72", repository="Fabrikam/Fabrikam",
        urls=("https://dev.azure.com/fabrikam/DefaultCollection/_git/Fabrikam",),
        message="my first pull request",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("name", "event"), EVENTS, ids=[name for name, _ in EVENTS])
def test_a_delivery_tells_what_has_happened(name, event):
    assert azure_devops.events({}, payload(f"azure_devops/{name}.json")) == [event]
    assert faults(event) == []


def basic(text: str, scheme: str = "Basic") -> dict[str, str]:
    return {"Authorization": f"{scheme} {base64.b64encode(text.encode()).decode()}"}


def test_basic_wants_user_and_password():
    both = keys("old:password", BASIC)

    azure_devops.verify(incoming(b"", basic(BASIC)), both, 0)
    azure_devops.verify(incoming(b"", basic("old:password", "basic")), both, 0)


@pytest.mark.parametrize(
    "headers",
    [
        basic("curtain:"),
        basic(BASIC, "Bearer"),
        {"Authorization": BASIC},
        {"Authorization": f"Basic {BASIC}"},
        {"Authorization": "Basic"},
        {"Authorization": ""},
        {"X-Curtain": BASIC},
    ],
)
def test_whoever_does_not_know_them_is_denied(headers):
    with pytest.raises(Denied):
        azure_devops.verify(incoming(b"", headers), keys(BASIC), 0)


def test_where_a_header_holds_the_secret_basic_is_not_looked_at():
    azure_devops.verify(incoming(b"", {"x-curtain": SECRET}), keys(header="X-Curtain"), 0)
    with pytest.raises(Denied):
        azure_devops.verify(incoming(b"", basic(SECRET)), keys(header="X-Curtain"), 0)


def test_a_push_of_many_refs_is_an_event_for_each():
    content = payload("azure_devops/git_push.json")
    content["resource"]["refUpdates"] += [
        {"name": "refs/tags/v1", "oldObjectId": "0" * 40, "newObjectId": SHA},
        {"name": "refs/heads/old", "oldObjectId": SHA, "newObjectId": "0" * 40},
    ]

    events = azure_devops.events({}, content)

    assert [(each.event, each.ref) for each in events] == [
        ("push", "refs/heads/main"), ("tag", "refs/tags/v1"), ("push", "refs/heads/old"),
    ]  # fmt: skip
    assert [each.created for each in events] == [False, True, False]
    assert [each.deleted for each in events] == [False, False, True]


@pytest.mark.parametrize("status", ["active", "abandoned", None])
def test_an_attempt_to_merge_is_no_merge(status):
    content = payload("azure_devops/git_pullrequest_merged.json")
    content["resource"]["status"] = status

    (event,) = azure_devops.events({}, content)

    assert (event.event, event.ref) == ("git.pullrequest.merged", "refs/heads/mytopic")
    assert event.sha == "53d54ac915144006c2c9e90d2c7d3880920db49c"


def test_a_pull_request_of_a_fork_says_so():
    content = payload("azure_devops/git_pullrequest_merged.json")
    content["eventType"] = "git.pullrequest.created"

    assert not azure_devops.events({}, content)[0].fork
    content["resource"]["forkSource"] = {"name": "refs/heads/mytopic"}
    assert azure_devops.events({}, content)[0].fork
    comment = {"resource": {"pullRequest": content["resource"]}}
    assert azure_devops.events({}, comment)[0].fork


@pytest.mark.parametrize("resource", [None, {}, {"refUpdates": []}])
def test_a_push_without_details_says_what_to_set(resource):
    with pytest.raises(Unreadable, match="Resource details to send"):
        azure_devops.events({}, {"eventType": "git.push", "resource": resource})


def test_what_is_not_known_keeps_azures_name():
    assert azure_devops.events({}, {"eventType": "build.complete"})[0].event == "build.complete"
