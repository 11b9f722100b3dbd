"""Where Ansible looks for roles and collections, compared with what Ansible itself says."""

import json
import os
import subprocess
import sys

import pytest

from runner.ansible_config import extended, find_config, read_config

ASK = """
import json
from ansible import constants as C
print(json.dumps([C.CONFIG_FILE, C.DEFAULT_ROLES_PATH, C.COLLECTIONS_PATHS]))
"""


@pytest.fixture
def project(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    return project


@pytest.fixture
def environment(tmp_path):
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}


@pytest.fixture
def more(tmp_path):
    (tmp_path / "more/roles").mkdir(parents=True)
    (tmp_path / "more/collections").mkdir()
    return tmp_path / "more"


def ask_ansible(environment, project):
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, cwd=project, check=True, capture_output=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("config", "own"),
    [
        ("", {}),  # Ansible's defaults, after ours
        ("roles_path = ./roles:/srv/roles:~/mine\ncollections_path = vendor ; not ours\n", {}),
        ("roles_path = $HOME/roles:{{CWD}}/here\nhome = .ansible-here\n", {}),
        ("roles_path = ./not-this\n", {"ANSIBLE_ROLES_PATH": "that:~/those"}),
        ("", {"ANSIBLE_HOME": "/srv/ansible", "ANSIBLE_COLLECTIONS_PATH": "/srv/all"}),
        ("no_key_at_all\n", {}),
    ],
)
def test_ansible_looks_where_it_would_and_in_one_place_more(
    project, environment, more, config, own
):
    (project / "ansible.cfg").write_text(f"[defaults]\n{config}" if config else "")
    environment = environment | own
    if config.startswith("no_key"):  # Ansible will say so itself
        (project / "ansible.cfg").write_text("")
    theirs = ask_ansible(environment, project)

    file = read_config(environment, project)
    ours = ask_ansible(extended(environment, file, more), project)

    assert ours[0] == theirs[0] == str(file.file)
    for kind, with_us, without in zip(("roles", "collections"), ours[1:], theirs[1:], strict=True):
        there = with_us.index(str(more / kind))
        assert [*with_us[:there], *with_us[there + 1 :]] == without
        is_chosen = f"{kind}_path" in config or f"ANSIBLE_{kind.upper()}_PATH" in own
        assert there == (len(without) if is_chosen else 0)


def test_only_what_is_there_is_added(project, environment, more):
    (more / "roles").rmdir()

    added = extended(environment, read_config(environment, project), more)

    assert "ANSIBLE_ROLES_PATH" not in added
    assert "ANSIBLE_COLLECTIONS_PATH" in added


def test_the_first_file_of_ansibles_order_counts(project, environment, tmp_path):
    at_home = tmp_path / ".ansible.cfg"
    at_home.touch()
    assert find_config(environment, project) == at_home

    (project / "ansible.cfg").touch()
    assert find_config(environment, project) == project / "ansible.cfg"

    (project / "etc").mkdir()
    (project / "etc/ansible.cfg").touch()
    named = environment | {"ANSIBLE_CONFIG": "etc"}
    assert find_config(named, project) == project / "etc/ansible.cfg"
    assert ask_ansible(named, project)[0] == str(project / "etc/ansible.cfg")

    project.chmod(0o777)  # anybody could have written it
    assert find_config(environment, project) == at_home


@pytest.mark.parametrize("config", [b"no section\n", b"[defaults]\nroles_path = \xff\n"])
def test_a_file_that_ansible_will_refuse_says_nothing(project, environment, config):
    (project / "ansible.cfg").write_bytes(config)

    assert read_config(environment, project).paths("roles_path") is None


def test_settings_of_galaxy_servers_are_told(project, environment):
    (project / "ansible.cfg").write_text(
        "[galaxy]\nserver_list = hub\n"
        "[galaxy_server.hub]\nurl = https://hub\n"
        "[defaults]\nforks = 1\n"
    )

    assert read_config(environment, project).galaxy() == {
        "galaxy": {"server_list": "hub"},
        "galaxy_server.hub": {"url": "https://hub"},
    }
