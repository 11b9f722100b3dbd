"""From an order to a playbook that runs: a real keeper, a real leader, a real ansible-playbook."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner.command import control_path
from runner.mark import mark
from tests.repositories import make_repository
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
INSTALLATION = os.urandom(4).hex()
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="{{ greeting | to_json }}"
"""
LOCAL = "localhost ansible_connection=local\n"


@dataclass(frozen=True)
class Ended:
    """What a run has left: its status lines by event, and its output."""

    events: dict[str, dict[str, Any]]
    output: str


@pytest.fixture
def repository(tmp_path):
    return make_repository(tmp_path / "repository", {"site.yml": PLAYBOOK})


@pytest.fixture
def order(tmp_path, repository):
    directory = tmp_path / "runs" / "12-ab12"
    directory.mkdir(mode=0o700, parents=True)
    home = tmp_path / "home"
    home.mkdir()
    yield {
        "run": 12,
        "template": "deploy",
        "installation": INSTALLATION,
        "directory": str(directory),
        "cache": str(tmp_path / "git"),
        "playbook": {"repository": repository.url, "ref": "main", "path": "site.yml"},
        "inventory": {"content": LOCAL},
        "vars": {"greeting": "{{ 6 * 7 }}"},
        "accepted": {},
        "options": {},
        "environment": {},
        "pinned": {"playbook": None, "inventory": None},
        "ansible_playbook": str(PROGRAMS / "ansible-playbook"),
        "base_environment": {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"},
        "mark": mark(12, INSTALLATION),
        "protocols": ["file"],
        "leave_async": False,
    }
    for used in directory.parent.iterdir():
        shutil.rmtree(control_path(used), ignore_errors=True)


def run(order, stop_when=None, **environ) -> Ended:
    """Let a keeper lead *order*, stop it when asked to, and wait until its family is gone."""
    (control_end, control), (status, status_end), (output, output_end) = (
        os.pipe() for _ in range(3)
    )
    theirs = (control_end, status_end, output_end)
    keeper = subprocess.Popen(
        [sys.executable, "-P", "-m", "runner.leader", *map(str, theirs)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ},
        pass_fds=theirs,
        cwd=ROOT,
    )
    for descriptor in theirs:
        os.close(descriptor)
    record = Path(order["directory"]).parent / "status.jsonl"
    file = Path(order["directory"]).parent / "order.json"
    file.write_text(json.dumps(order))
    letter = {
        "run": order["run"],
        "installation": INSTALLATION,
        "grace": 1.0,
        "record": str(record),
        "order": {"file": str(file)},
    }
    with os.fdopen(control, "wb") as wire, os.fdopen(output, "rb") as said, os.fdopen(status):
        wire.write(json.dumps(letter).encode() + b"\no")
        wire.flush()
        if stop_when:
            wait_until(stop_when)
            wire.write(b"s")
            wire.flush()
        printed = said.read().decode()
        assert keeper.wait(timeout=30) == 0  # it ends when wait() has said ECHILD: nobody lives
    lines = map(json.loads, record.read_text().splitlines())
    return Ended({line["event"]: line for line in lines}, printed)


def message(ended: Ended) -> Any:
    """Return what the playbook's only task printed of its variable."""
    line = next(line for line in ended.output.splitlines() if '"msg": ' in line)
    return json.loads(json.loads(f"{{{line}}}")["msg"])


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


def again(order):
    """Give a second run of one test a directory of its own."""
    directory = Path(f"{order['directory']}-again")
    directory.mkdir(mode=0o700)
    return order | {"directory": str(directory)}


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
        ({"playbook": {"repository": "file:///nowhere"}}, "repo_not_found", "file:///nowhere"),
        ({"playbook": {"repository": "http://h/a"}}, "url_not_allowed", "http://h/a"),
        ({"inventory": {"path": "hosts"}}, "path_not_found", "no 'hosts' in file://"),
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


def marked_processes() -> list[str]:
    """List who carries the mark of this module's runs."""
    living = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environ = (process / "environ").read_bytes()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if f"CURTAIN_INSTALLATION={INSTALLATION}".encode() in environ:
            living.append(process.name)
    return living
