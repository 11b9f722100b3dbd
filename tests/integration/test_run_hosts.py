"""What came of each host: told by real playbooks, kept with the final row."""

import signal
from uuid import uuid4

import pytest

from runner.judge import Verdict
from runner.recap import MOST, HostResult
from runner.run import RunState
from runner.store import claims, hosts, moves
from runner.store.connection import limit_statements
from tests import playbooks
from tests.runners import PYTHON
from tests.waiting import wait_until

#: One of each kind: `away` cannot be reached, since there is no such program to reach it by.
MIXED = """
- hosts: all
  gather_facts: false
  tasks:
    - command: echo {{ inventory_hostname }}
    - command: /bin/false
      ignore_errors: true
      when: inventory_hostname == "fine"
    - block: [{fail: msg=no}]
      rescue: [{debug: msg=rescued}]
      when: inventory_hostname == "fine"
    - command: /bin/false
      when: inventory_hostname == "broken"
"""
HOSTS = f"""
fine ansible_connection=local {PYTHON}
broken ansible_connection=local {PYTHON}
away ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1 {PYTHON}
"""
#: As of a run whose end Ansible has told.
KNOWN = {"is_known": True, "is_running": False}


@pytest.fixture
def results(conn):
    """What is kept of a run's hosts, by name."""
    return lambda run: {
        each.host: HostResult(*(getattr(each, name) for name in HostResult._fields))
        for each in hosts.page(conn, run.id, after="", limit=MOST + 1, **KNOWN)
    }


def test_a_run_that_ends_tells_what_came_of_each_host(bench, runner, playbook, results):
    run = bench.await_final(bench.trigger(playbook(MIXED).url, HOSTS))

    assert run.state is RunState.FAILED
    assert run.host_count == 3
    assert results(run) == {
        "fine": HostResult("fine", 3, 2, 0, 0, 1, 1, 1),
        "broken": HostResult("broken", 1, 1, 0, 1, 2, 0, 0),
        "away": HostResult("away", 0, 0, 1, 0, 0, 0, 0),
    }
    assert hosts.failed(bench.conn, run.id) == ["away", "broken"]


def test_of_a_stopped_run_it_is_not_known(bench, runner, playbook, results):
    run = bench.trigger(playbook(playbooks.SLEEPING).url)
    bench.await_output(run, b"ready")

    bench.stop(run)

    stopped = bench.await_final(run)
    assert (stopped.state, stopped.host_count, results(run)) == (RunState.STOPPED, None, {})


def test_of_a_run_that_could_not_begin_it_is_not_known(bench, runner, tmp_path):
    run = bench.await_final(bench.trigger(f"file://{tmp_path}/nothing"))

    assert (run.state, run.host_count) == (RunState.FAILED, None)


def test_a_playbook_that_matches_no_host_is_known_to_have_had_none(bench, runner, playbook):
    none = playbooks.HELLO.replace("hosts: all", "hosts: nobody")

    run = bench.await_final(bench.trigger(playbook(none).url))

    assert (run.state, run.host_count) == (RunState.SUCCEEDED, 0)


#: Ansible itself stays, for a plugin's sake, when it has told what came of the hosts.
LINGERING = """
import os, time
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "zz_lingering"

    def v2_playbook_on_stats(self, stats):
        os.write(1, b"lingering\\n")
        time.sleep(300)
"""
CONFIG = "[defaults]\ncallback_plugins = ./plugins\ncallbacks_enabled = zz_lingering\n"


def test_a_watchdog_keeps_what_a_dead_runners_playbook_has_told(bench, start, playbook, results):
    """The recap was whole before anybody was ended: it is true whoever writes it down."""
    files = {"ansible.cfg": CONFIG, "plugins/zz_lingering.py": LINGERING}
    first = start(RUNNER_LEASE="2")
    run = bench.trigger(playbook(playbooks.HELLO, **files).url)
    bench.await_output(run, b"lingering")

    first.process.send_signal(signal.SIGKILL)
    start(RUNNER_LEASE="2")

    ended = bench.await_final(run)
    assert (ended.state, ended.host_count) == (RunState.INTERRUPTED, 1)
    assert results(run) == {"localhost": HostResult("localhost", 1, 0, 0, 0, 0, 0, 0)}
    wait_until(lambda: not bench.family(run))


FORGING = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: |
        cd "$ANSIBLE_LOCAL_TEMP/.." 2>/dev/null || cd "$TMPDIR/.."
        rm recap.json; {{{{ forgery }}}}; echo ready
    - command: sleep {seconds}
"""


FORGERIES = {
    "a pipe": "mkfifo recap.json",
    "a link": "ln -s /dev/zero recap.json",
    "a directory": "mkdir recap.json",
    "too much": "head -c 20000000 /dev/zero > recap.json",
    "no count": """echo '{"a": [1,2,3,4,5,6,"7"]}' > recap.json""",
}


def test_what_a_playbook_puts_in_its_place_hurts_nobody(bench, runner, playbook, results):
    url = playbook(FORGING.format(seconds=0)).url
    runs = {
        name: bench.trigger(url, vars={"forgery": forgery}) for name, forgery in FORGERIES.items()
    }

    for name, run in runs.items():
        ended = bench.await_final(run)
        assert ended.state is RunState.SUCCEEDED, name
        assert (ended.host_count, results(ended)) == (None, {}), name


@pytest.fixture
def run(bench, conn):
    """One that plays nowhere."""
    return claims.claim(
        conn,
        bench.trigger("file:///nowhere").id,
        runner="one",
        machine="here",
        boot="boot",
        token=uuid4(),
        lease=60,
    )


@pytest.mark.parametrize("count", [5_000, MOST])
def test_many_hosts_are_kept_in_one_statement_and_in_time(conn, run, count):
    """In the time that a statement may take; the figures seen are far below."""
    limit_statements(conn)
    told = tuple(HostResult(f"host{n}.example.com", 9, 3, 0, 0, 1, 0, 0) for n in range(count))
    verdict = Verdict(state=RunState.SUCCEEDED, message="", exit_code=0, hosts=told)

    ended = moves.finish(conn, run, verdict, actor="one", complete=True, truncated=False)

    assert ended.host_count == count
    assert conn.execute("SELECT count(*) AS n FROM run_hosts").fetchone()["n"] == count


def test_results_come_by_pages(conn, run):
    told = tuple(HostResult(name, 1, 0, 0, 0, 0, 0, 0) for name in ("b", "a", "C", "ä"))
    verdict = Verdict(state=RunState.SUCCEEDED, message="", exit_code=0, hosts=told)
    moves.finish(conn, run, verdict, actor="one", complete=True, truncated=False)

    first = hosts.page(conn, run.id, after="", limit=2, **KNOWN)
    second = hosts.page(conn, run.id, after=first[-1].host, limit=9, **KNOWN)

    assert [each.host for each in [*first, *second]] == ["C", "a", "b", "ä"]
