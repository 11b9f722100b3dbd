"""Where ansible-playbook is started, and what it reads there."""

import pytest

from tests.leading import LOCAL, make_order, message, remove_sockets, run
from tests.repositories import make_repository

ROLE = "- debug: msg=\"{{ ['role', role_path | basename, here] | to_json }}\"\n"
PLAYBOOK = """
- hosts: all
  gather_facts: false
  roles: [web]
"""
FILES = {
    "ansible/ansible.cfg": "[defaults]\nroles_path = ./shared\ninventory = nowhere\n",
    "ansible/shared/web/tasks/main.yml": ROLE,
    "ansible/plays/site.yml": PLAYBOOK,
    "ansible/plays/group_vars/all.yml": "here: beside the playbook\n",
    "ansible.cfg": "[defaults]\nroles_path = ./not-these\n",
}


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "repository", FILES)


@pytest.fixture
def order(tmp_path, repository):
    order = make_order(tmp_path, repository)
    place = {"path": "ansible/plays/site.yml", "project": "ansible"}
    yield order | {"playbook": order["playbook"] | place, "options": {"verbosity": 1}}
    remove_sockets(tmp_path)


@pytest.mark.parametrize("umask", [0o022, 0])  # 0: Ansible ignores what others could have written
def test_a_playbook_is_started_in_its_project(order, umask):
    ended = run(order, umask=umask)

    assert f"Using {order['directory']}/project/ansible/ansible.cfg" in ended.output
    assert message(ended) == ["role", "web", "beside the playbook"]


def test_paths_of_an_order_are_from_the_top_whatever_the_project_is(order, repository):
    repository.commit({"hosts/all.ini": LOCAL, "hosts/group_vars/all.yml": "here: by hosts\n"})

    ended = run(order | {"inventory": {"path": "hosts"}})

    # As Ansible has it: what is beside the playbook counts more than what is beside the hosts.
    assert message(ended) == ["role", "web", "beside the playbook"]


def test_without_a_project_it_is_started_at_the_top(order, repository):
    del order["playbook"]["project"]

    ended = run(order)

    assert f"Using {order['directory']}/project/ansible.cfg" in ended.output
    assert "he role 'web' was not found" in ended.output  # The or the, by its version


def test_a_project_that_is_a_link_out_of_the_repository_is_refused(order, repository, tmp_path):
    (repository.path / "elsewhere").symlink_to(tmp_path)
    repository.commit_all()

    ended = run(order | {"playbook": order["playbook"] | {"project": "elsewhere"}})

    assert ended.events["refused"]["code"] == "bad_path"
