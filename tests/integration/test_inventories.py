"""Each kind of inventory, from each place, by a real run."""

import pytest

from tests.leading import (
    make_order,
    marked_processes,
    message,
    remove_sockets,
    run,
)
from tests.repositories import make_repository

#: What is known of the hosts: their names, and a variable of group_vars beside the inventory.
SEEN = "{{ [groups.all | sort, group_names, colour | default('none')] }}"
PLAYBOOK = """
- hosts: all
  gather_facts: false
  connection: local
  tasks:
    - debug: msg="{{ greeting | to_json }}"
      run_once: true
"""
INI = "[web]\nweb1\nweb2\n"
YAML = "web:\n  hosts:\n    web1:\n    web2:\n"
SCRIPT = """#!/bin/sh
echo '{"web": {"hosts": ["web1", "web2"]}, "_meta": {"hostvars": {}}}'
"""
GENERATOR = """
plugin: ansible.builtin.generator
hosts:
  name: "web{{ number }}"
  parents: [{name: web}]
layers:
  number: [1, 2]
"""
CONSTRUCTED = """
plugin: ansible.builtin.constructed
strict: true
groups:
  web: inventory_hostname.startswith('web')
"""
GROUP_VARS = {"group_vars/web.yml": "colour: blue\n"}
#: By kind: its path, the files, and which of them can be executed.
KINDS = {
    "ini": ("hosts", {"hosts": INI}),
    "yaml": ("hosts.yml", {"hosts.yml": YAML}),
    "directory": (".", {"01-web.yml": "web:\n  hosts: {web1: }\n", "02-more": "[web]\nweb2\n"}),
    "script": ("hosts.sh", {"hosts.sh": SCRIPT}),
    "plugin": ("hosts.yml", {"hosts.yml": GENERATOR}),
    "constructed": (".", {"01-hosts": "web1\nweb2\n", "02-groups.yml": CONSTRUCTED}),
}


def commit(repository, files, directory=""):
    """Commit *files* in a directory; scripts can be executed."""
    for name, content in files.items():
        file = repository.path / directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(0o755 if content.startswith("#!") else 0o644)
    return repository.commit_all()


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "repository", {"site.yml": PLAYBOOK})


@pytest.fixture
def order(tmp_path, repository):
    yield make_order(tmp_path, repository) | {"vars": {"greeting": SEEN}}
    remove_sockets(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_inventory_in_the_playbooks_repository(order, repository, kind):
    path, files = KINDS[kind]
    commit(repository, files | GROUP_VARS, "hosts/prod")

    ended = run(order | {"inventory": {"path": f"hosts/prod/{path}"}})

    assert message(ended) == [["web1", "web2"], ["web"], "blue"]


@pytest.mark.parametrize("kind", ["directory", "script"])
def test_a_kind_of_inventory_at_a_ref_of_a_repository_of_its_own(order, tmp_path, kind):
    path, files = KINDS[kind]
    hosts = make_repository(tmp_path / "hosts")
    then = commit(hosts, files | GROUP_VARS, "prod")
    hosts.git("tag", "v1")
    commit(hosts, {"hosts": "later\n", "hosts.sh": "#!/bin/false\n"}, "prod")
    source = {"repository": hosts.url, "ref": "v1", "path": f"prod/{path}"}

    ended = run(order | {"inventory": source})

    assert message(ended) == [["web1", "web2"], ["web"], "blue"]
    assert ended.events["prepared"]["inventory_sha"] == then


def test_an_inventory_that_the_template_holds_has_group_vars_of_the_playbook(order, repository):
    repository.commit(GROUP_VARS)

    ended = run(order | {"inventory": {"content": INI}})

    assert message(ended) == [["web1", "web2"], ["web"], "blue"]


def test_which_plugins_read_an_inventory_is_up_to_ansible_cfg(order, repository):
    repository.commit({"ansible.cfg": "[inventory]\nenable_plugins = ini\n", "hosts.yml": YAML})

    ended = run(order | {"inventory": {"path": "hosts.yml"}})

    assert ended.events["exit"]["code"] == 1
    assert "Failed to parse inventory with 'ini' plugin" in ended.output
    assert "Failed to parse inventory with 'yaml' plugin" not in ended.output


# When it cannot be read.

FAILING = "#!/bin/sh\necho 'the inventory server says no' >&2\nexit 3\n"


def test_a_script_that_nobody_may_execute_says_how_to_make_it_one(bench, runner, repository):
    commit(repository, {"hosts.sh": FAILING})
    repository.git("update-index", "--chmod=-x", "hosts.sh")
    repository.git("commit", "--quiet", "--message=plain")

    run = bench.await_final(bench.trigger(repository.url, {"path": "hosts.sh"}))

    assert run.state == "failed"
    assert "'hosts.sh' begins with #!" in run.message
    assert "git update-index --chmod=+x" in run.message


def test_a_script_that_fails_fails_the_run_in_its_own_words(bench, runner, repository):
    """Ansible alone takes it for an inventory of nobody, and ends well."""
    commit(repository, {"hosts.sh": FAILING})

    run = bench.await_final(bench.trigger(repository.url, {"path": "hosts.sh"}))

    assert run.state == "failed"
    assert "the inventory cannot be read" in run.message
    assert "the inventory server says no" in run.message


@pytest.mark.parametrize("by", ["ansible.cfg", "the template"])
def test_who_wants_an_unread_inventory_to_be_one_of_nobody_may_say_so(order, repository, by):
    commit(repository, {"hosts.sh": FAILING})
    if by == "ansible.cfg":
        repository.commit({"ansible.cfg": "[inventory]\nunparsed_is_failed = no\n"})
    else:
        order = order | {"environment": {"ANSIBLE_INVENTORY_UNPARSED_FAILED": "0"}}

    ended = run(order | {"inventory": {"path": "hosts.sh"}})

    assert ended.events["exit"]["code"] == 0
    assert "skipping: no hosts matched" in ended.output


def test_a_script_that_hangs_is_ended_by_a_stop_at_once(order, repository, tmp_path):
    hanging = f"#!/bin/sh\necho $$ > {tmp_path}/pid\nsleep 3600\n"
    commit(repository, {"hosts.sh": hanging})

    ended = run(order | {"inventory": {"path": "hosts.sh"}}, (tmp_path / "pid").exists, grace=30.0)

    assert "playing" in ended.events
    assert ended.events["gone"]["seconds"] < 30  # Ansible ends when it is asked to
    assert not marked_processes()
