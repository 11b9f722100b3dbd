"""What may go on elsewhere after a run has ended: real playbooks on hosts that seem far away."""

import os
import signal
import sys
from pathlib import Path

import pytest

from runner.run import RunState
from tests.runners import PYTHON
from tests.waiting import wait_until

#: Runs commands here, but is not the connection that Ansible knows to be here.
FARAWAY = """
from ansible.plugins.connection.local import Connection as Local

DOCUMENTATION = '''
name: faraway
short_description: as if it were
description: as if it were
options: {}
'''

class Connection(Local):
    transport = "faraway"
"""
PLUGIN = {"connection_plugins/faraway.py": FARAWAY}

#: Says which hosts are there, and stays where it is told to.
NAPPING = """
- hosts: all
  gather_facts: false
  strategy: free
  tasks:
    - shell: touch {tmp}/{{{{ run | default('') }}}}$HOST; sleep {{{{ nap | default(300) }}}}
      environment: {{HOST: "{{{{ inventory_hostname }}}}"}}
"""


@pytest.fixture
def napping(playbook, tmp_path):
    """The URL of the repository of NAPPING."""
    return playbook(NAPPING.format(tmp=tmp_path), **PLUGIN).url


@pytest.fixture
def await_hosts(tmp_path):
    """Wait until the task of NAPPING is at work on these hosts."""

    def wait(*names):
        wait_until(lambda: all((tmp_path / name).exists() for name in names), timeout=120)

    return wait


def inventory(**hosts):
    """An inventory of hosts, each with the variables that make it special."""
    return "".join(f"{name} {PYTHON} {variables}\n" for name, variables in hosts.items())


FAR = "ansible_connection=faraway"
#: With two forks: one has ended, two are at work, one of them here, and one has not begun.
FOUR = inventory(done=f"{FAR} nap=0", busy=FAR, here="ansible_connection=local", waiting=FAR)


def stop(bench, run, runner):
    bench.stop(run)


def force(bench, run, runner):
    bench.stop(run, force=True)


def kill_leader(bench, run, runner):
    os.kill(bench.find(run).leader_pid, signal.SIGKILL)


def kill_keeper(bench, run, runner):
    os.kill(bench.find(run).keeper_pid, signal.SIGKILL)


def shut_down(bench, run, runner):
    runner.terminate()


#: In their order: with the last one the runner goes.
ENDS = {
    stop: RunState.STOPPED,
    force: RunState.STOPPED,
    kill_leader: RunState.FAILED,
    kill_keeper: RunState.FAILED,
    shut_down: RunState.INTERRUPTED,
}


def test_whoever_was_in_flight_is_named_and_nobody_else(bench, runner, napping, await_hosts):
    runs = {
        end: bench.trigger(napping, FOUR, options={"forks": 2}, vars={"run": end.__name__})
        for end in ENDS
    }
    for end, run in runs.items():
        await_hosts(*(end.__name__ + host for host in ("done", "busy", "here")))
        assert bench.find(run).may_continue_on is None  # it is not known yet

    for end, run in runs.items():
        end(bench, run, runner)
        final = bench.await_final(run)

        assert (final.state, final.may_continue_on) == (ENDS[end], ["busy"])
        assert bench.events(run, str(ENDS[end]))[0].detail["may_continue_on"] == ["busy"]
        assert bench.family(run) == []


def test_a_time_limit_names_them_too(bench, runner, napping):
    final = bench.await_final(bench.trigger(napping, inventory(busy=FAR), timeout=20))

    assert (final.state, final.may_continue_on) == (RunState.TIMED_OUT, ["busy"])


def test_whoever_settles_the_run_of_a_dead_runner_names_them(bench, start, napping, await_hosts):
    first = start()
    run = bench.trigger(napping, FOUR, options={"forks": 2})
    await_hosts("done", "busy", "here")

    first.kill()
    start()
    final = bench.await_final(run)

    assert (final.state, final.may_continue_on) == (RunState.INTERRUPTED, ["busy"])


def test_an_attempt_that_is_repeated_says_what_it_has_left(bench, start, napping, await_hosts):
    first = start()
    run = bench.trigger(napping, inventory(busy=FAR), on_interrupt="requeue")
    await_hosts("busy")

    first.terminate()

    queued = bench.find(run)
    assert (queued.state, queued.may_continue_on) == (RunState.QUEUED, ["busy"])
    assert bench.events(run, "requeued")[0].detail["may_continue_on"] == ["busy"]
    bench.stop(run)


def test_a_task_over_ssh_is_named(bench, runner, napping, await_hosts, tmp_path):
    """With ssh's own plugin, and an ssh that runs the command here."""
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nfor command; do :; done\nexec /bin/sh -c "$command"\n')
    ssh.chmod(0o755)
    over_ssh = f"ansible_ssh_executable={ssh} ansible_ssh_pipelining=true"
    hosts = inventory(web2=f"{over_ssh} nap=0", web1=over_ssh)
    run = bench.trigger(napping, hosts, options={"forks": 1})  # the second waits for the first
    await_hosts("web1")

    bench.stop(run)
    final = bench.await_final(run)

    assert final.may_continue_on == ["web1"]
    assert bench.family(run) == []


DELEGATING = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: touch {tmp}/{number}; sleep 300
      delegate_to: "{delegate}"
"""
DELEGATES = [
    ("db", ["db"]),  # of the inventory
    ("desk", []),  # of the inventory, and this machine
    ("localhost", []),  # this machine, although no inventory says so
    ("{{ 'd' + 'b' }}", ["web"]),  # an expression is not evaluated: its own host
]


def test_a_delegated_task_counts_where_it_works(bench, runner, playbook, await_hosts, tmp_path):
    files = {
        f"{number}.yml": DELEGATING.format(tmp=tmp_path, number=number, delegate=delegate)
        for number, (delegate, _) in enumerate(DELEGATES)
    }
    there = {"repository": playbook("", **files, **PLUGIN).url, "ref": "main"}
    hosts = inventory(web=FAR, db=FAR, desk="ansible_connection=local")
    python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}  # localhost has none
    how = {"options": {"limit": "web"}, "vars": python}
    runs = [bench.trigger("", hosts, playbook={**there, "path": path}, **how) for path in files]
    await_hosts(*map(str, range(len(DELEGATES))))

    for run, (delegate, named) in zip(runs, DELEGATES, strict=True):
        bench.stop(run)
        assert bench.await_final(run).may_continue_on == named, delegate


JOBS = """
- hosts: all
  gather_facts: false
  tasks:
    - command: sleep {seconds}
      async: 60
      poll: 0
      register: job
      when: "'other' not in inventory_hostname"
    - async_status: jid={{{{ job.ansible_job_id }}}}
      when: "{awaited} and 'other' not in inventory_hostname"
      register: status
      until: status.finished
      retries: 100
      delay: 0.2
    - debug: msg=ready
    - command: sleep {then}
"""


@pytest.fixture
def jobs(playbook, tmp_path):
    """Make the repository of JOBS; the jobs keep to the test's directory."""

    def make(seconds, *, awaited=False, then=0):
        playbook_ = JOBS.format(seconds=seconds, awaited=str(awaited).lower(), then=then)
        return playbook(playbook_, **PLUGIN).url

    return make


@pytest.fixture
def own_jobs(tmp_path):
    """Where the async jobs of a test are kept."""
    return {"ANSIBLE_ASYNC_DIR": str(tmp_path / "async")}


HOSTS = inventory(far=FAR, other=FAR, here="ansible_connection=local")


def test_an_async_job_that_nobody_waits_for_is_named_at_a_normal_end(bench, runner, jobs, own_jobs):
    final = bench.await_final(bench.trigger(jobs(50), HOSTS, environment=own_jobs))

    assert (final.state, final.may_continue_on) == (RunState.SUCCEEDED, ["far"])


def test_an_async_job_that_has_ended_is_not_named(bench, runner, jobs, own_jobs):
    run = bench.trigger(jobs(0, awaited=True), HOSTS, environment=own_jobs)
    final = bench.await_final(run)

    assert (final.state, final.may_continue_on) == (RunState.SUCCEEDED, [])


def test_an_async_job_is_named_beside_a_task_when_a_run_is_stopped(bench, runner, jobs, own_jobs):
    run = bench.trigger(jobs(50, then=300), HOSTS, environment=own_jobs, options={"limit": "far"})
    bench.await_output(run, b"ready")

    bench.stop(run)

    assert bench.await_final(run).may_continue_on == ["far"]


def test_a_run_that_was_ended_before_it_played_goes_on_nowhere(bench, runner, tmp_path):
    final = bench.await_final(bench.trigger(f"file://{tmp_path}/nowhere", FOUR))

    assert (final.state, final.may_continue_on) == (RunState.FAILED, [])


def test_an_ansible_that_is_no_python_script_leaves_it_open(
    bench, start, napping, await_hosts, tmp_path
):
    """It may be anything; that nothing goes on would be a guess."""
    wrapper = tmp_path / "ansible-wrapper"
    real = Path(sys.executable).with_name("ansible-playbook")
    wrapper.write_text(f'#!/bin/sh\nexec {real} "$@"\n')
    wrapper.chmod(0o755)
    start(ANSIBLE_PLAYBOOK=str(wrapper))
    run = bench.trigger(napping, inventory(busy=FAR))
    await_hosts("busy")

    bench.stop(run)
    final = bench.await_final(run)

    assert (final.state, final.may_continue_on) == (RunState.STOPPED, None)
