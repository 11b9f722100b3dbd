"""Real runs of real repositories at once: each sees the files of its own commit, to the end."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runner.run import RunState
from tests.left import left_directories
from tests.repositories import make_repository
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
BRIEF = "- hosts: all\n  gather_facts: false\n"
#: Says that it plays, waits, and only then loads a role.
LATE = """
- hosts: all
  gather_facts: false
  tasks:
    - command: touch {{ gate }}/{{ branch }}
      vars: {branch: "{{ lookup('file', 'branch') }}"}
    - wait_for: path={{ gate }}/go timeout=100
    - include_role: {name: late}
    - command: find . -type f
      args: {chdir: "{{ playbook_dir }}"}
      register: found
    - debug: msg="files {{ found.stdout_lines | sort | join(' ') }}"
"""


def test_ten_first_runs_at_once_fetch_once(bench, runner, tmp_path):
    repository = make_repository(tmp_path / "repository", {"site.yml": BRIEF})

    runs = [bench.trigger(repository.url) for _ in range(10)]

    ended = [bench.await_final(run) for run in runs]
    assert {run.state for run in ended} == {RunState.SUCCEEDED}, ended
    assert {run.playbook_sha for run in ended} == {repository.git("rev-parse", "HEAD")}
    assert len(list((tmp_path / "data/git").glob("*/store.git/objects/pack/*.pack"))) == 1
    assert not any(bench.family(run) for run in runs)


def test_two_branches_at_once_see_only_their_own_files(bench, runner, tmp_path):
    gate = tmp_path / "gate"
    gate.mkdir()
    repository = make_repository(tmp_path / "repository", {"site.yml": LATE})
    shas = {}
    for branch in ("a", "b"):
        repository.git("checkout", "--quiet", "-b", branch, "main")
        role = {"roles/late/tasks/main.yml": f"- debug: msg='late role of {branch}'\n"}
        shas[branch] = repository.commit({"branch": branch, f"only-{branch}": "", **role})

    runs = {branch: trigger(bench, repository, branch, gate) for branch in ("a", "b")}
    wait_until(lambda: {"a", "b"} <= set(os.listdir(gate)))
    for branch in ("a", "b"):  # while both play, both branches change and lose the role
        repository.git("checkout", "--quiet", branch)
        shutil.rmtree(repository.path / "roles")
        repository.commit({"branch": "changed"})
    (gate / "go").touch()

    for branch, run in runs.items():
        ended = bench.await_final(run)
        assert ended.state is RunState.SUCCEEDED, bench.output(run)
        assert ended.playbook_sha == shas[branch]
        said = bench.output(run).decode()
        assert f"late role of {branch}" in said
        expected = f"./branch ./only-{branch} ./roles/late/tasks/main.yml ./site.yml"
        assert f"files {expected}" in said
        assert not bench.family(run)
    wait_until(lambda: not left_directories(tmp_path / "data/runs"))


def trigger(bench, repository, branch, gate):
    source = {"repository": repository.url, "ref": branch, "path": "site.yml"}
    return bench.trigger(repository.url, playbook=source, vars={"gate": str(gate)})


CHECKOUTS = """
import json, os, sys
from pathlib import Path
import psutil
from runner.checkout import checkout, resolve

cache, url, destination, count = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
process = psutil.Process()
for number in range(count):
    if number % 20 == 0:
        sha = resolve(url, "main")
    checkout(cache, url, sha, destination)
    if number in (20, count - 1):
        held = len(os.listdir("/proc/self/fd")), len(process.children(recursive=True))
        print(json.dumps([*held, process.memory_info().rss]))
"""


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.wide)])
def test_checkouts_leave_no_file_process_or_memory_behind(count, tmp_path):
    """A Repo of GitPython leaves two processes and six files each: none is ever made."""
    repository = make_repository(tmp_path / "repository", {"site.yml": BRIEF})
    words = tmp_path / "cache", repository.url, tmp_path / "project", count

    ended = subprocess.run(
        [sys.executable, "-c", CHECKOUTS, *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    early, late = map(json.loads, ended.stdout.splitlines())
    assert late[:2] == early[:2]
    assert late[1] == 0
    assert late[2] < early[2] + 2_000_000  # bytes
