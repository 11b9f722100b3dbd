"""A runner that holds families in cgroups: what no mark, brand or descent could find is ended."""

import os
import secrets
import signal
import uuid

import psutil
import pytest

from runner import linux
from runner.cgroup import groups, name_of
from runner.directories import sweep_directories
from runner.run import RunState
from runner.store import claims
from tests import playbooks
from tests.cgroups import CONTROLLERS, cleared, groups_of, require_parent_in
from tests.waiting import wait_until

#: As pam_limits and `env -i` do it: neither mark nor brand, and a session of its own.
SHED = "setsid env -i prlimit --locks=unlimited sh -c 'echo $$ > {file}; exec sleep 300'"
SHEDDING = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: {shed} > /dev/null 2>&1 &
    - debug: msg="ready"
    - command: sleep 300
"""


@pytest.fixture
def contained(bench):
    """A bench whose runners hold families in a group; nothing is left of them."""
    require_parent_in("")
    with cleared(bench.installation):
        yield bench


@pytest.fixture
def shed(playbook, tmp_path):
    """A repository whose playbook leaves a process that shed everything, and its pid."""
    file = tmp_path / "pid"
    url = playbook(SHEDDING.format(shed=SHED.format(file=file))).url

    def pid():
        found = int(wait_until(lambda: file.exists() and file.read_text()))
        wait_until(lambda: psutil.Process(found).name() == "sleep")
        return found

    return url, pid


def lives(pid):
    """Whether it is there and no zombie; pid 1 may take its time to collect those."""
    process = linux.read(pid)
    return process is not None and process.is_alive


def test_nobody_outlives_a_killed_keeper_and_its_killed_runner(contained, start, shed):
    """Not even who shed mark and brand: its group has its name, and the next runner finds it."""
    url, shed_pid = shed
    first = start()
    run = contained.trigger(url)
    contained.await_output(run, b"ready")
    pid = shed_pid()
    keeper = contained.find(run).keeper_pid

    first.process.send_signal(signal.SIGSTOP)  # it must not sweep before it dies
    os.kill(keeper, signal.SIGKILL)
    first.kill()
    wait_until(lambda: not psutil.pid_exists(keeper))
    assert lives(pid)
    assert pid in [member.pid for member in contained.family(run)]
    start()
    final = contained.await_final(run)

    assert final.state is RunState.INTERRUPTED
    assert not lives(pid)
    assert contained.family(run) == []
    wait_until(lambda: groups_of(contained.installation) == [])


def test_a_killed_keepers_family_is_proved_gone_by_its_group(contained, runner, shed):
    url, shed_pid = shed
    run = contained.trigger(url)
    contained.await_output(run, b"ready")
    pid = shed_pid()

    os.kill(contained.find(run).keeper_pid, signal.SIGKILL)
    final = contained.await_final(run)

    assert final.state is RunState.FAILED
    assert "keeper was killed" in final.message
    assert not lives(pid)  # it may not be reaped yet
    wait_until(lambda: groups_of(contained.installation) == [])


@pytest.mark.parametrize("cgroup", ["auto", "off"])
def test_a_forced_stop_ends_the_most_escaping_with_and_without(bench, start, playbook, cgroup):
    runner = start(RUNNER_CGROUP=cgroup)
    escapes = (playbooks.IGNORING, playbooks.DOUBLE_FORK, playbooks.SETSID)
    files = {f"{number}.yml": text for number, text in enumerate(escapes)}
    url = playbook(playbooks.HELLO, **files).url
    sources = [{"repository": url, "ref": "main", "path": path} for path in files]
    runs = [bench.trigger(url, playbook=source) for source in sources]
    for run in runs:
        bench.await_output(run, b"ready")
    held = groups_of(bench.installation)

    for run in runs:
        bench.stop(run, force=True)
        assert bench.await_final(run).state is RunState.STOPPED
        assert bench.family(run) == []

    if cgroup == "off":
        assert held == []
        assert "held by subreaper" in runner.log.read_text()
    wait_until(lambda: groups_of(bench.installation) == [])


def test_a_runner_tells_what_it_holds_families_with(contained, start, conn):
    for machine, cgroup in (("one", "auto"), ("two", "off")):
        start(RUNNER_MACHINE=machine, RUNNER_CGROUP=cgroup)
    rows = wait_until(
        lambda: (
            len(found := conn.execute("SELECT * FROM runners ORDER BY name").fetchall()) == 2
            and found
        ),
    )

    assert [row["containment"] for row in rows] == ["cgroup v2", "subreaper"]


@CONTROLLERS
def test_a_group_that_was_left_behind_is_removed_when_it_is_empty(bench, tmp_path, controller):
    """That of a run that is gone; not that of one which has yet to say where it is."""
    parent = require_parent_in(controller)
    run = bench.trigger("file:///nowhere")
    names = {"runner": "here.1.2", "machine": "here", "boot": "b"}
    claims.claim(bench.conn, run.id, token=uuid.uuid4(), lease=30, **names)
    for run_id in (run.id, run.id + 1):
        (parent / name_of(bench.installation, f"{run_id}-{secrets.token_hex(4)}")).mkdir()
    with cleared(bench.installation):
        sweep_directories(bench.conn, tmp_path)

        assert [run_id for run_id, _, _ in groups(bench.installation)] == [run.id]
