"""From an order to a playbook that runs: a real keeper, a real leader, a real ansible-playbook."""

import os
import shutil
from pathlib import Path

import pytest

from tests.leading import (
    LOCAL,
    again,
    make_order,
    marked_processes,
    message,
    remove_sockets,
    run,
)
from tests.repositories import add_submodule, make_repository

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="{{ greeting | to_json }}"
"""


@pytest.fixture
def repository(tmp_path):
    files = {"site.yml": PLAYBOOK, "a,b.ini": LOCAL}
    return make_repository(tmp_path / "repository", files)


@pytest.fixture
def order(tmp_path, repository):
    yield make_order(tmp_path, repository)
    remove_sockets(tmp_path)


def test_an_order_becomes_a_playbook_run(order, repository):
    ended = run(order)

    assert ended.events["exit"]["code"] == 0, ended
    assert list(ended.events) == ["started", "prepared", "playing", "exit", "gone"]
    assert ended.events["prepared"]["playbook_sha"] == repository.git("rev-parse", "HEAD")
    assert ended.events["prepared"]["inventory_sha"] is None
    assert message(ended) == 42  # a template's own variables may be Jinja
    assert ended.output.startswith("\nPLAY [all]")  # nothing of ours is before it
    assert "\033" not in ended.output


def test_what_a_caller_gives_is_never_evaluated(order):
    given = {"list": ["{{ lookup('pipe', 'id') }}", {"{% if %}": "{{ 1"}], "null": "null"}

    ended = run(order | {"accepted": {"greeting": given}})

    assert message(ended) == given


def test_options_and_environment_arrive(order):
    shown = "{{ [ansible_check_mode, ansible_diff_mode, ansible_verbosity, ansible_forks] }}"
    options = {"check": True, "diff": True, "verbosity": 2, "limit": "localhost", "forks": 3}
    colour = {"ANSIBLE_FORCE_COLOR": "1"}

    plain = run(order | {"vars": {"greeting": shown}, "options": options})
    assert message(plain) == [True, True, 2, 3]

    ended = run(again(order) | {"environment": colour})
    assert "\033" in ended.output


def test_the_playbook_runs_where_its_repository_is(order, repository):
    repository.commit({"ansible.cfg": "[defaults]\nnocows = 1\ncallback_result_format = yaml\n"})

    ended = run(order | {"options": {"verbosity": 1}})

    assert f"Using {order['directory']}/project/ansible.cfg" in ended.output


def test_an_inventory_may_come_from_the_playbooks_repository(order, repository):
    repository.commit({"hosts/local": LOCAL, "hosts/group_vars/all.yml": "other: 1\n"})

    ended = run(order | {"inventory": {"path": "hosts"}})

    assert ended.events["exit"]["code"] == 0, ended
    assert ended.events["prepared"]["inventory_sha"] is None


def test_an_inventory_may_come_from_a_repository_of_its_own(order, tmp_path):
    hosts = make_repository(tmp_path / "hosts", {"inventory.ini": LOCAL})
    source = {"repository": hosts.url, "ref": "main", "path": "inventory.ini"}

    ended = run(order | {"inventory": source})

    assert ended.events["exit"]["code"] == 0, ended
    assert ended.events["prepared"]["inventory_sha"] == hosts.git("rev-parse", "HEAD")


def test_roles_and_inventories_may_be_submodules(order, repository, tmp_path):
    hosts = make_repository(tmp_path / "hosts", {"all.ini": LOCAL})
    role = make_repository(tmp_path / "role", {"tasks/main.yml": "- debug: msg='of a role'\n"})
    add_submodule(repository, "hosts", hosts.url, hosts.git("rev-parse", "HEAD"))
    add_submodule(repository, "roles/greet", "../role", role.git("rev-parse", "HEAD"))
    repository.commit({"site.yml": "- hosts: all\n  gather_facts: false\n  roles: [greet]\n"})
    deep = order["playbook"] | {"submodules": True}

    ended = run(order | {"playbook": deep, "inventory": {"path": "hosts/all.ini"}})

    assert ended.events["exit"]["code"] == 0, ended
    assert "of a role" in ended.output


def test_trees_of_one_commit_with_and_without_submodules_are_two(order, repository, tmp_path):
    hosts = make_repository(tmp_path / "hosts", {"all.ini": LOCAL})
    add_submodule(repository, "hosts", hosts.url, hosts.git("rev-parse", "HEAD"))
    source = {"repository": repository.url, "ref": "main", "path": "hosts/all.ini"}

    ended = run(order | {"inventory": source | {"submodules": True}})

    assert ended.events["exit"]["code"] == 0, ended
    assert not (Path(order["directory"]) / "project/hosts/all.ini").exists()
    assert "the playbook's repository has submodules, which are not checked out" in ended.output
    assert "the inventory's" not in ended.output


def test_one_commit_is_checked_out_once(order, repository):
    repository.commit({"hosts.ini": LOCAL})
    source = {"repository": repository.url, "ref": "main", "path": "hosts.ini"}

    ended = run(order | {"inventory": source})

    prepared = ended.events["prepared"]
    assert prepared["inventory_sha"] == prepared["playbook_sha"]
    assert not (Path(order["directory"]) / "inventory").exists()


def test_a_pinned_commit_is_used_whatever_the_branch_is_now(order, repository):
    pinned = repository.git("rev-parse", "HEAD")
    repository.commit({"site.yml": "- hosts: nobody"})

    ended = run(order | {"pinned": {"playbook": pinned, "inventory": None}})

    assert ended.events["prepared"]["playbook_sha"] == pinned
    assert message(ended) == 42


def test_git_variables_of_the_runner_do_not_matter(order, tmp_path):
    ended = run(order, GIT_DIR=str(tmp_path / "nowhere"), GIT_SSH_COMMAND="false")

    assert ended.events["exit"]["code"] == 0, ended


def test_what_holds_variables_can_be_read_by_the_run_only(order):
    run(order)

    for name in ("variables.yml", "inventory.ini"):
        assert (Path(order["directory"]) / name).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"playbook": {"path": "no.yml"}}, "path_not_found", "no 'no.yml' in file://"),
        ({"playbook": {"path": "../x.yml"}}, "bad_path", "leads out of"),
        ({"playbook": {"path": "--help"}}, "path_not_found", "no '--help'"),
        ({"playbook": {"ref": "gone"}}, "ref_not_found", "no branch or tag 'gone' in file://"),
        ({"playbook": {"project": "no"}}, "path_not_found", "no 'no' in file://"),
        ({"playbook": {"project": "site.yml"}}, "path_not_found", "no 'site.yml'"),
        ({"playbook": {"project": "../../12-ab12"}}, "bad_path", "leads out of"),
        ({"playbook": {"repository": "file:///nowhere"}}, "repo_not_found", "file:///nowhere"),
        ({"playbook": {"repository": "http://h/a"}}, "url_not_allowed", "http://h/a"),
        ({"inventory": {"path": "hosts"}}, "path_not_found", "no 'hosts' in file://"),
        ({"inventory": {"path": "a,b.ini"}}, "bad_path", "for a list of hosts"),
        ({"ansible_playbook": "no-ansible-here"}, "no_ansible", "install ansible-core"),
    ],
)
def test_an_order_that_cannot_be_led_is_refused_with_a_reason(order, changes, code, words):
    for name, change in changes.items():
        mended = order[name] | change if name == "playbook" else change
        order = order | {name: mended}

    ended = run(order)

    assert ended.events["refused"]["code"] == code
    assert words in ended.events["refused"]["message"]
    assert ended.events["exit"]["code"] == (127 if code == "no_ansible" else 65)
    assert ended.output == ""


def test_a_repository_that_wants_a_credential_says_where_to_name_one(
    order, serve_https, certificates
):
    https = serve_https({"ada": "hunter2"})
    source = order["playbook"] | {"repository": https.url()}

    ended = run(
        order | {"protocols": ["https"], "playbook": source}, GIT_SSL_CAINFO=str(certificates)
    )

    told = ended.events["refused"]["message"]
    assert told.endswith("; name a credential of kind git_https in playbook.credential")


def test_an_ansible_whose_python_is_gone_is_refused(order, tmp_path):
    broken = tmp_path / "ansible-playbook"
    broken.write_text("#!/nowhere/python\n")
    broken.chmod(0o755)

    ended = run(order | {"ansible_playbook": str(broken)})

    assert ended.events["refused"]["code"] == "no_ansible"


def test_a_playbook_whose_name_looks_like_an_option_runs(order, repository):
    repository.commit({"--version": PLAYBOOK})

    ended = run(order | {"playbook": order["playbook"] | {"path": "--version"}})

    assert message(ended) == 42


def test_braces_in_refs_and_paths_are_never_evaluated(order, repository):
    """Nobody may write the witness, in whichever directory it would be."""
    braces = "{{ lookup('pipe', 'touch witness') }}"
    hosts = "{{ cycler.__init__.__globals__.os.system('touch witness') }}/hosts {{ 1 }}.ini"
    repository.commit({f"{braces}.yml": PLAYBOOK, hosts: LOCAL})
    branch = "{{lookup('pipe','touch${IFS}witness')}}"
    repository.git("branch", branch)
    playbook = order["playbook"] | {"ref": branch, "path": f"{braces}.yml"}

    ended = run(order | {"playbook": playbook, "inventory": {"path": hosts}})

    assert ended.events["exit"]["code"] == 0, ended
    assert message(ended) == 42
    assert not list(Path(order["directory"]).parent.rglob("witness"))


def test_a_run_that_is_stopped_while_it_fetches_leaves_no_git(order, tmp_path):
    """A git that never answers stands for a remote that never does."""
    programs = tmp_path / "programs"
    programs.mkdir()
    git = programs / "git"
    git.write_text(
        f"#!/bin/sh\ncase $1 in version) exec {shutil.which('git')} version;; esac\n"
        f"echo $$ > {tmp_path}/pid\nexec sleep 3600\n"
    )
    git.chmod(0o755)

    asked = tmp_path / "pid"
    ended = run(order, asked.exists, PATH=f"{programs}:{os.environ['PATH']}")

    assert "prepared" not in ended.events
    assert "gone" in ended.events
    assert not marked_processes()
