"""What a playbook may see of its runner, and what a caller may change of a template."""

from pathlib import Path

import pytest

from runner.credential import BecomePassword, GitHttps
from runner.orders import make_order
from runner.settings import Settings
from runner.visible import keeper_environment, passed_environment
from tests.made import make_run
from tests.unit.test_settings import NEEDED


def test_a_playbook_does_not_see_what_is_the_runners():
    environ = {
        **NEEDED,
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "https_proxy": "http://proxy",
        "ANSIBLE_FORKS": "7",
        "ANSIBLE_PLAYBOOK": "/opt/ansible-playbook",
        "AWS_SECRET_ACCESS_KEY": "aws",
        "OTHER": "x",
    }

    passed = passed_environment(environ, ("AWS_*",))

    assert passed == {
        "PATH": "/bin",
        "LC_ALL": "C.UTF-8",
        "https_proxy": "http://proxy",
        "ANSIBLE_FORKS": "7",
        "AWS_SECRET_ACCESS_KEY": "aws",
    }


def order_for(run, secrets=None, credentials=None):
    settings = Settings.from_environ(NEEDED)
    return make_order(run, secrets or {}, credentials or {}, Path("/runs/1"), "0a0a0a0a", settings)


def test_overrides_go_over_the_templates_options():
    spec = {
        "playbook": {"repository": "file:///r", "ref": "main", "path": "site.yml"},
        "inventory": {"content": "localhost"},
        "options": {"limit": "web", "forks": 5},
    }
    run = make_run(spec=spec, overrides={"limit": "db", "ref": "v1"}, accepted={"a": 1})

    order = order_for(run, {"b": "s"})

    assert order["options"] == {"limit": "db", "forks": 5}
    assert order["playbook"]["ref"] == "v1"
    assert order["requirements"] is True  # also of a run that was triggered before they were known
    assert order["accepted"] == {"a": 1, "b": "s"}
    assert run.spec["playbook"]["ref"] == "main"


def test_a_leader_is_given_each_credential_for_what_it_is():
    spec = {
        "playbook": {
            "repository": "https://git.example/ops.git",
            "ref": "main",
            "path": "site.yml",
            "credential": "git",
        },
        "inventory": {"path": "hosts"},
        "credentials": ["root"],
    }
    git = GitHttps(kind="git_https", username="bot", password="s3cret")
    root = BecomePassword(kind="become_password", password="p")

    order = order_for(make_run(spec=spec), credentials={"git": git, "root": root})

    known = {"username": "bot", "password": "s3cret", "host": None}
    scope = order["access"]["playbook"].pop("scope")
    assert order["access"] == {
        "playbook": {"name": "git", "kind": "git_https", **known},
        "inventory": None,
    }
    assert len(scope) == 64
    assert order["credentials"] == [{"name": "root", "kind": "become_password", "password": "p"}]


@pytest.mark.parametrize(
    "other",
    [
        {"password": "another"},  # it was changed: what it may read may be less
        {"username": "another"},
    ],
)
def test_what_one_credential_has_fetched_another_of_its_name_does_not_find(other):
    spec = {
        **make_run().spec,
        "playbook": {
            "repository": "https://git.example/ops.git",
            "ref": "main",
            "path": "site.yml",
        },
        "inventory": {"path": "hosts"},
    }
    spec["playbook"]["credential"] = "git"
    given = {"kind": "git_https", "username": "bot", "password": "s3cret"}

    def scope(fields):
        order = order_for(make_run(spec=spec), credentials={"git": GitHttps(**fields)})
        return order["access"]["playbook"]["scope"]

    assert scope(given) == scope(given) != scope({**given, **other})


def test_a_keeper_does_not_see_the_runners_secrets_either():
    environ = {**NEEDED, "PATH": "/bin", "GIT_EXEC_PATH": "/app/.apt/git-core", "GIT_DIR": "/x"}

    assert keeper_environment(environ) == {"PATH": "/bin", "GIT_EXEC_PATH": "/app/.apt/git-core"}
