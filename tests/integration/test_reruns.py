"""Reruns with real runners and repositories: whatever has become of branches and hosts since."""

from dataclasses import replace

import pytest

from jobs import runs as jobs
from runner import rerun
from runner.admission import Admitted
from runner.run import RunState
from runner.store import hosts, runs
from tests.repositories import make_repository
from tests.runners import PYTHON

SHOW = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="{{ inventory_hostname }} is {{ what | default('nothing') }}"
"""
#: Fails on every host whose name is in a file that somebody may empty.
FAILING = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: "! grep -qx '{{ inventory_hostname }}' %s"
"""


def local(*names, what="old"):
    """An inventory of these hosts."""
    return "".join(
        f'"{name}": {{ansible_connection: local, what: {what},'
        f' ansible_python_interpreter: "{{{{ ansible_playbook_python }}}}"}}\n'
        for name in names
    ).replace("\n", "\n    ")


def inventory(*names, what="old"):
    """The files of an inventory of these hosts, in YAML: there any name can be said."""
    return {"hosts.yml": f"all:\n  hosts:\n    {local(*names, what=what)}\n"}


@pytest.fixture
def repeat(bench):
    """Repeat a run as the API does."""

    def fire(old, *, newest=False, only=None):
        wanted = rerun.repeat(old, by="ada", reason=None, hosts=only or old.only_hosts)
        if newest:
            wanted = replace(wanted, playbook_sha=None, inventory_sha=None)
        run = runs.insert(bench.conn, wanted)
        jobs.hand_over(bench.redis, Admitted(run=run))
        return run

    return fire


@pytest.fixture
def hosts_repository(tmp_path):
    return make_repository(tmp_path / "hosts", inventory("web1", "web2"))


def source(repository):
    return {"repository": repository.url, "ref": "main", "path": "hosts.yml"}


def test_the_same_is_the_same_although_the_branch_has_moved(
    bench, runner, playbook, hosts_repository, repeat
):
    old = bench.await_final(bench.trigger(playbook(SHOW).url, source(hosts_repository)))
    hosts_repository.commit(inventory("web1", "web3", what="new"))

    same, newest = repeat(old), repeat(old, newest=True)

    assert bench.await_final(same).state is RunState.SUCCEEDED
    assert b"web2 is old" in bench.output(same)
    assert b"new" not in bench.output(same)
    assert bench.find(same).inventory_sha == old.inventory_sha
    moved = bench.await_final(newest)
    assert b"web3 is new" in bench.output(newest)
    assert moved.inventory_sha == hosts_repository.git("rev-parse", "HEAD") != old.inventory_sha


def test_the_same_needs_no_branch_and_no_remote_any_more(
    bench, runner, playbook, hosts_repository, repeat
):
    project = playbook(SHOW)
    old = bench.await_final(bench.trigger(project.url, source(hosts_repository)))
    project.git("checkout", "--quiet", "--orphan", "other")
    project.commit({"site.yml": "- hosts: [\n"})
    project.git("branch", "--delete", "--force", "main")  # deleted
    hosts_repository.git("commit", "--quiet", "--amend", "--message", "Another")  # rewritten
    hosts_repository.path.rename(hosts_repository.path.with_name("gone"))  # and away

    ended = bench.await_final(repeat(old))

    assert ended.state is RunState.SUCCEEDED, ended.message
    assert (ended.playbook_sha, ended.inventory_sha) == (old.playbook_sha, old.inventory_sha)


def test_newest_says_that_the_branch_is_gone(bench, runner, playbook, repeat):
    project = playbook(SHOW)
    old = bench.await_final(bench.trigger(project.url))
    project.git("branch", "--move", "main", "other")

    ended = bench.await_final(repeat(old, newest=True))

    assert ended.state is RunState.FAILED
    assert "no branch or tag 'main'" in ended.message


def test_what_was_never_resolved_is_resolved_by_its_rerun(bench, runner, tmp_path, repeat):
    old = bench.await_final(bench.trigger(f"file://{tmp_path}/repository"))
    assert (old.state, old.playbook_sha) == (RunState.FAILED, None)
    project = make_repository(tmp_path / "repository", {"site.yml": SHOW})

    ended = bench.await_final(repeat(old))

    assert ended.state is RunState.SUCCEEDED
    assert ended.playbook_sha == project.git("rev-parse", "HEAD")


#: Names that mean something to Ansible where a limit is written on the command line.
ODD = ("fe80::1", "a,b", "@host", "web1!")


def test_only_the_hosts_that_failed_are_played_on(bench, runner, playbook, tmp_path, repeat):
    bad = tmp_path / "bad"
    bad.write_text("\n".join([*ODD, "web2"]) + "\n")
    inventory_of_all = {"content": inventory("web1", "web2", "web3", *ODD)["hosts.yml"]}
    old = bench.await_final(bench.trigger(playbook(FAILING % bad).url, inventory_of_all))
    assert old.state is RunState.FAILED
    failed = rerun.hosts_of(old, hosts.failed(bench.conn, old.id))
    assert sorted(failed) == sorted([*ODD, "web2"])

    bad.write_text("fe80::1\n")
    second = bench.await_final(repeat(old, only=failed))
    still = rerun.hosts_of(second, hosts.failed(bench.conn, second.id))
    bad.write_text("")
    third = bench.await_final(repeat(second, only=still))
    fourth = bench.await_final(repeat(third))  # of what the third was for

    assert second.only_hosts == failed
    assert second.host_count == len(failed)
    assert (still, third.state, third.host_count) == (["fe80::1"], RunState.SUCCEEDED, 1)
    assert (fourth.only_hosts, fourth.host_count) == (["fe80::1"], 1)


def test_a_host_that_is_gone_leaves_the_others(bench, runner, playbook, hosts_repository, repeat):
    old = bench.await_final(bench.trigger(playbook(SHOW).url, source(hosts_repository)))
    hosts_repository.commit(inventory("web2", "web3"))

    ended = bench.await_final(repeat(old, newest=True, only=["web1", "web2"]))

    assert (ended.state, ended.host_count) == (RunState.SUCCEEDED, 1)


def test_when_all_of_them_are_gone_nothing_is_played(
    bench, runner, playbook, hosts_repository, repeat
):
    """Above all not everything."""
    old = bench.await_final(bench.trigger(playbook(SHOW).url, source(hosts_repository)))
    hosts_repository.commit(inventory("web3"))

    ended = bench.await_final(repeat(old, newest=True, only=["web1"]))

    assert ended.state is RunState.FAILED
    assert b"PLAY [" not in bench.output(ended)


def test_a_data_directory_with_a_colon_is_no_list(start, bench, playbook, tmp_path, repeat):
    start(CURTAIN_DATA=str(tmp_path / "a:b"))
    two = "".join(f"web{n} ansible_connection=local {PYTHON}\n" for n in (1, 2))
    old = bench.await_final(bench.trigger(playbook(SHOW).url, two))

    ended = bench.await_final(repeat(old, only=["web2"]))

    assert (ended.state, ended.host_count) == (RunState.SUCCEEDED, 1)


@pytest.mark.parametrize("count", [15, pytest.param(50, marks=pytest.mark.wide)])
def test_many_reruns_at_once_all_succeed(
    bench, start, playbook, hosts_repository, repeat, tmp_path, count
):
    """On a fresh cache, with commits being pushed between them."""
    start()
    old = bench.await_final(bench.trigger(playbook(SHOW).url, source(hosts_repository)))
    start(CURTAIN_DATA=str(tmp_path / "fresh"))

    fired = []
    for number in range(count):
        fired.append(repeat(old, newest=number % 5 == 0))
        if number % 10 == 0:
            hosts_repository.commit(inventory("web1", "web2", what=f"new{number}"))

    ended = [bench.await_final(run, timeout=110) for run in fired]
    assert [(run.state, run.message) for run in ended if run.state is not RunState.SUCCEEDED] == []
    assert {run.inventory_sha for run in ended[1:5]} == {old.inventory_sha}
    assert not any(bench.family(run) for run in ended)
