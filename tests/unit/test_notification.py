"""Who can be told, and what of."""

import pytest
from pydantic import ValidationError

from app.faults import faults_of
from runner import uses
from runner.notification import Notification
from runner.template import Template
from runner.uses import Known
from tests.api import TEMPLATE

STATUS = {
    "kind": "commit_status",
    "forge": "github",
    "credential": "forge",
    "repository": "ops/site",
}


def faults(to, on=("failed",)):
    try:
        Notification.model_validate({"on": list(on), "to": to})
    except ValidationError as error:
        return [field for field, _ in faults_of(error)]
    return []


@pytest.mark.parametrize(
    ("to", "wrong"),
    [
        ({"kind": "callback", "credential": "hook"}, []),
        ({"kind": "callback"}, ["to.credential"]),
        ({"kind": "callback", "credential": "hook", "url": "https://x"}, ["to.url"]),
        ({"kind": "slack", "credential": "chat"}, []),
        ({"kind": "google_chat", "credential": "chat"}, []),
        ({"kind": "slack", "credential": "Not A Name"}, ["to.credential"]),
        ({"kind": "pager", "credential": "chat"}, ["to"]),
        ({"credential": "chat"}, ["to"]),
        ("slack", ["to"]),
        (STATUS, []),
        (STATUS | {"context": "ci/deploy"}, []),
        (STATUS | {"context": "two\nlines"}, ["to.context"]),
        (STATUS | {"repository": "ops"}, ["to.repository"]),
        (STATUS | {"repository": "../../user"}, ["to.repository"]),
        (STATUS | {"repository": "ops/site?x="}, ["to.repository"]),
        (STATUS | {"repository": "a/b/c"}, ["to"]),  # GitHub has no groups in groups
        (STATUS | {"repository": "a/b/c", "forge": "gitlab"}, []),
        (STATUS | {"forge": "sourceforge"}, ["to.forge"]),
        ({"kind": "email", "to": ["ada@example.org"]}, []),
        ({"kind": "email", "to": ["o'neil+ci@mail.example.org"]}, []),
        ({"kind": "email", "to": ["a..b@example.org"]}, ["to.to.0"]),
        ({"kind": "email", "to": [".a@example.org"]}, ["to.to.0"]),
        ({"kind": "email", "to": ["a@-x.example"]}, ["to.to.0"]),
        ({"kind": "email", "to": ["ada@example.org\n"]}, ["to.to.0"]),
        ({"kind": "email", "to": []}, ["to.to"]),
        ({"kind": "email", "to": ["ada@example.org\nBcc: eve@example.org"]}, ["to.to.0"]),
        ({"kind": "email", "to": ["Ada <ada@example.org>"]}, ["to.to.0"]),
        ({"kind": "email", "to": ["ada@example.org,eve@example.org"]}, ["to.to.0"]),
    ],
)
def test_a_target_is_what_its_kind_says(to, wrong):
    assert faults(to) == wrong


@pytest.mark.parametrize(
    ("on", "wrong"),
    [
        (["started", "always"], []),
        ([], ["on"]),
        (["queued"], ["on.0"]),
        (["failed", "failed"], ["on"]),
    ],
)
def test_an_occasion_is_one_that_there_is(on, wrong):
    assert faults({"kind": "slack", "credential": "chat"}, on) == wrong


def test_a_template_has_up_to_20():
    entry = {"on": ["always"], "to": {"kind": "slack", "credential": "chat"}}

    Template.model_validate(TEMPLATE | {"notifications": [entry] * 20})
    with pytest.raises(ValidationError):
        Template.model_validate(TEMPLATE | {"notifications": [entry] * 21})


def test_what_is_stored_says_only_what_was_said():
    entry = {"on": ["failed"], "to": STATUS}
    template = Template.model_validate(TEMPLATE | {"notifications": [entry]})

    assert template.spec()["notifications"] == [entry]


NAMED = {
    "forge": Known("api_token"),
    "hook": Known("webhook", signs=True),
    "chat": Known("webhook"),
    "git": Known("git_https"),
}


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ({"kind": "callback", "credential": "hook"}, None),
        ({"kind": "callback", "credential": "chat"}, "'chat' has no secret to sign with"),
        ({"kind": "callback", "credential": "git"}, "is of kind git_https: callback takes webhook"),
        ({"kind": "slack", "credential": "chat"}, None),
        ({"kind": "slack", "credential": "forge"}, "is of kind api_token: slack takes webhook"),
        (STATUS, None),
        (STATUS | {"credential": "hook"}, "commit_status takes api_token"),
        (STATUS | {"credential": "nope"}, "there is no credential 'nope'"),
        ({"kind": "email", "to": ["ada@example.org"]}, None),
    ],
)
def test_a_target_takes_the_credential_that_fits_it(to, message):
    spec = {"playbook": {}, "inventory": {}, "notifications": [{"on": ["failed"], "to": to}]}

    found = uses.faults(spec, NAMED)

    if message is None:
        assert found == []
    else:
        ((field, text),) = found
        assert field == "notifications.0.to.credential"
        assert message in text


def test_two_targets_may_have_the_same_credential():
    entry = {"on": ["failed"], "to": {"kind": "slack", "credential": "chat"}}
    spec = {"playbook": {}, "inventory": {}, "notifications": [entry, entry]}

    assert uses.faults(spec, NAMED) == []
    assert uses.names(spec) == ["chat"]
    assert uses.names(uses.of_run(spec)) == []
