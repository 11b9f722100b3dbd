"""What a playbook may see of its runner, and what a caller may change of a template."""

from pathlib import Path

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


def test_overrides_go_over_the_templates_options():
    spec = {
        "playbook": {"repository": "file:///r", "ref": "main", "path": "site.yml"},
        "inventory": {"content": "localhost"},
        "options": {"limit": "web", "forks": 5},
    }
    run = make_run(spec=spec, overrides={"limit": "db", "ref": "v1"}, accepted={"a": 1})

    order = make_order(run, {"b": "s"}, Path("/runs/12"), "0a0a0a0a", Settings.from_environ(NEEDED))

    assert order["options"] == {"limit": "db", "forks": 5}
    assert order["playbook"]["ref"] == "v1"
    assert order["accepted"] == {"a": 1, "b": "s"}
    assert run.spec["playbook"]["ref"] == "main"


def test_a_keeper_does_not_see_the_runners_secrets_either():
    environ = {**NEEDED, "PATH": "/bin", "GIT_EXEC_PATH": "/app/.apt/git-core", "GIT_DIR": "/x"}

    assert keeper_environment(environ) == {"PATH": "/bin", "GIT_EXEC_PATH": "/app/.apt/git-core"}
