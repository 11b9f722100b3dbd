"""What real playbooks tell of themselves, as it is stored."""

import json
import signal
from pathlib import Path

import pytest

from runner.plugin import EVENTS
from runner.run import RunState
from runner.store import feed, hosts, results, tasks
from tests.runners import PYTHON, THREE
from tests.waiting import wait_until

MIXED = """
- name: all of it
  hosts: all
  gather_facts: false
  tasks:
    - name: say {{ 'hel' + 'lo' }}
      command: echo {{ item }}
      loop: [1, 2]
    - shell: echo because >&2; exit 1
      ignore_errors: true
      when: inventory_hostname == "fine"
    - block: [{fail: msg=no}]
      rescue: [{debug: msg=rescued}]
      when: inventory_hostname == "fine"
    - include_tasks: more.yml
    - command: /bin/false
      when: inventory_hostname == "broken"
    - copy: {content: "new\\n", dest: "{{ playbook_dir }}/new"}
      diff: true
      when: inventory_hostname == "fine"
"""
FILES = {"more.yml": "- debug: msg=more\n"}
HOSTS = f"""
fine ansible_connection=local {PYTHON}
broken ansible_connection=local {PYTHON}
away ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1 {PYTHON}
"""
HOST = f"localhost ansible_connection=local {PYTHON}\n"


@pytest.fixture
def told(conn):
    """All that a run's playbook has told of these kinds, in its order."""

    def tell(run, *kinds):
        return feed.page(conn, run.id, kinds=kinds or feed.TOLD, after=0, limit=100_000)

    return tell


@pytest.fixture
def seen(conn):
    """The hosts of a run, by name."""

    def see(run, *, is_known=True, is_running=False):
        how = {"is_known": is_known, "is_running": is_running}
        return {
            each.host: each for each in hosts.page(conn, run.id, after="", limit=100_000, **how)
        }

    return see


def counts(host):
    names = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")
    return tuple(getattr(host, name) for name in names)


def test_a_run_is_told_as_ansible_saw_it(bench, runner, playbook, told, seen, conn):
    mixed = bench.await_final(bench.trigger(playbook(MIXED, **FILES).url, HOSTS))

    check_that_each_result_is_told(mixed, told, conn)
    check_that_hosts_are_counted_as_ansible_counts_them(mixed, seen)
    check_that_tasks_count_their_results(mixed, conn)
    check_that_results_are_found(mixed, conn)


def check_that_each_result_is_told(mixed, told, conn):
    assert mixed.events_complete is True
    (play,) = told(mixed, "play")
    assert play.detail == {"number": 1, "name": "all of it", "attempt": 1}
    of_tasks = tasks.page(conn, mixed.id, order="number", after=0, limit=100)
    assert [(task.number, task.name, task.path) for task in of_tasks] == [
        (1, "say hello", "site.yml:6"),
        (2, "shell", "site.yml:9"),
        (3, "fail", "site.yml:12"),
        (4, "debug", "site.yml:13"),
        (5, "include_tasks", "site.yml:15"),
        (6, "debug", "more.yml:1"),
        (7, "command", "site.yml:16"),
        (8, "copy", "site.yml:18"),
    ]
    cells = {(each.task, each.host): each for each in told(mixed, "result")}
    assert cells[1, "fine"].status == "changed"
    assert cells[1, "fine"].detail == {"items": 2}
    assert cells[1, "away"].status == "unreachable"
    assert cells[2, "fine"].status == "failed"
    assert cells[2, "fine"].ignored
    assert cells[2, "fine"].detail["message"].endswith("\nbecause")
    assert cells[2, "broken"].status == "skipped"
    assert (cells[3, "fine"].rescued, cells[3, "fine"].detail) == (True, {"message": "no"})
    assert cells[7, "broken"].status == "failed"
    assert cells[8, "fine"].detail["diff"].endswith("@@ -0,0 +1 @@\n+new\n")
    assert all(each.seconds is not None for each in cells.values())
    assert told(mixed)[-1] == told(mixed, "stats")[0]


def check_that_hosts_are_counted_as_ansible_counts_them(mixed, seen):
    known, counted = seen(mixed), seen(mixed, is_known=False)

    assert {name: counts(host) for name, host in known.items()} == {
        "fine": (6, 3, 0, 0, 1, 1, 1),
        "broken": (3, 1, 0, 1, 2, 0, 0),
        "away": (0, 0, 1, 0, 0, 0, 0),
    }
    assert counted == known
    assert {name: host.state for name, host in known.items()} == {
        "fine": "changed",
        "broken": "failed",
        "away": "unreachable",
    }
    assert (known["fine"].task, known["fine"].name) == (8, "copy")


def check_that_tasks_count_their_results(mixed, conn):
    by_number = tasks.page(conn, mixed.id, order="number", after=0, limit=100)
    slowest = tasks.page(conn, mixed.id, order="slowest", after=0, limit=3)
    slowest += tasks.page(conn, mixed.id, order="slowest", after=slowest[-1].number, limit=100)

    first = by_number[0]
    assert (first.hosts, first.ok, first.changed, first.unreachable) == (3, 2, 2, 1)
    assert sorted(task.number for task in slowest) == list(range(1, 9))
    spans = [task.seconds for task in slowest]
    assert spans == sorted(spans, reverse=True)


def check_that_results_are_found(mixed, conn):
    def find(**how):
        found = results.cells(conn, mixed.id, after=0, limit=100, **how)
        cells = [json.loads(cell.json) for cell in found]
        return [(cell["task"], cell["host"]) for cell in cells]

    assert sorted(find(task=1)) == [(1, "away"), (1, "broken"), (1, "fine")]
    assert find(host="away") == [(1, "away")]
    assert find(host="nobody") == []
    assert find(statuses=["failed", "unreachable"]) == [
        (1, "away"),
        (2, "fine"),
        (3, "fine"),
        (7, "broken"),
    ]
    assert find(statuses=["skipped"], host="broken") == [(2, "broken"), (3, "broken")]


NAPPING = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg=first
    - command: sleep {{ 0 if inventory_hostname == "host1" else 300 }}
"""


def test_hosts_are_seen_at_work_and_no_more_when_the_run_has_ended(bench, runner, playbook, seen):
    run = bench.trigger(playbook(NAPPING).url, THREE)
    live = wait_until(
        lambda: (
            (now := seen(run, is_known=False, is_running=True))
            and [host.state for host in now.values()] == ["changed", "running", "running"]
            and now
        ),
    )
    assert {host.task for host in live.values()} == {2}

    bench.stop(run)
    stopped = bench.await_final(run)

    assert (stopped.state, stopped.host_count) == (RunState.STOPPED, None)
    assert stopped.events_complete is True
    ended = seen(run, is_known=False)
    assert [host.state for host in ended.values()] == ["changed", "ok", "ok"]
    assert bench.family(run) == []


def test_what_a_dead_runner_has_not_stored_is_stored_by_the_one_who_settles(
    bench, start, playbook, told
):
    first = start()
    run = bench.trigger(playbook(NAPPING).url, THREE)
    directory = Path(bench.await_phase(run, "playing").directory)
    first.process.send_signal(signal.SIGSTOP)  # it reads no more, and its playbook goes on
    has_told = told(run, "result")
    wait_until(lambda: (directory / EVENTS).read_bytes().count(b'"result"') == 4)

    first.kill()
    start()
    ended = bench.await_final(run)

    assert has_told == []
    assert (ended.state, ended.events_complete) == (RunState.INTERRUPTED, True)
    cells = [(each.task, each.host) for each in told(run, "result")]
    assert len(cells) == len(set(cells)) == 4
    wait_until(lambda: not bench.family(run))


def test_the_next_attempt_goes_on_counting_tasks_and_counts_hosts_anew(
    bench, start, playbook, told, seen, conn, tmp_path
):
    once = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg=first
    - command: sleep {{{{ 300 if not ('{mark}' is exists) else 0 }}}}
""".format(mark=tmp_path / "mark")
    first = start()
    run = bench.trigger(playbook(once).url, on_interrupt="requeue")
    wait_until(lambda: any("sleep 300" in each.command for each in bench.family(run)))
    wait_until(lambda: len(told(run, "result")) == 1)
    (tmp_path / "mark").touch()
    assert first.terminate() == 0

    start()
    ended = bench.await_final(run)

    assert (ended.state, ended.attempt, ended.events_complete) == (RunState.SUCCEEDED, 2, True)
    of_tasks = tasks.page(conn, run.id, order="number", after=0, limit=10)
    assert [(task.number, task.attempt) for task in of_tasks] == [(1, 1), (2, 1), (3, 2), (4, 2)]
    assert [each.task for each in told(run, "result")] == [1, 3, 4]
    (host,) = seen(run, is_known=False).values()
    assert (host.ok, host.task) == (2, 4)


def test_a_run_whose_playbook_cannot_be_read_has_nothing_to_tell(bench, runner, playbook, told):
    run = bench.await_final(bench.trigger(playbook("- hosts: [\n").url))

    assert (run.state, run.events_complete, told(run)) == (RunState.FAILED, None, [])
