"""What playbooks tell is secret, or hostile, or too much; or its reader and its store are away."""

import signal
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.rows import dict_row
from redis import Redis

from runner.plugin import EVENTS
from runner.run import RunState
from runner.store import feed, hosts, tasks
from runner.store.migrate import migrate
from runner.vault import Vault
from tests.runners import PYTHON, THREE, Bench
from tests.servers import own_servers
from tests.waiting import wait_until

SECRET = 'tr0ub4"dor&3 is\nlong enough'


def stored(conn):
    """All that is stored of what playbooks have told, as text."""
    tables = ("run_notes", "run_results", "run_tasks", "run_host_progress")
    return "\n".join(
        str(list(row.values()))
        for table in tables
        for row in conn.execute(f"SELECT * FROM {table}").fetchall()
    )


def told(conn, run, *kinds):
    return feed.page(conn, run.id, kinds=kinds or feed.TOLD, after=0, limit=100_000)


def events_of(bench, run):
    """The file that the plugin of a run writes into."""
    file = Path(bench.await_phase(run, "playing").directory) / EVENTS
    wait_until(file.exists)
    return file


LEAKING = """
- name: play {{ password }}
  hosts: all
  gather_facts: false
  tasks:
    - name: task {{ password }}
      fail: msg="message {{ password }}"
      ignore_errors: true
    - shell: echo "{{ password }}" >&2; exit 1
      ignore_errors: true
    - copy: {content: "{{ password }}\\nshown\\n", dest: "{{ playbook_dir }}/new"}
      diff: true
    - debug: msg=shown
      loop: ["{{ password }}"]
"""


def test_secrets_are_masked_in_all_that_is_told(bench, runner, playbook, conn):
    sealed = Vault(bench.environ["CURTAIN_SECRET_KEY"]).seal({"password": SECRET})

    run = bench.await_final(bench.trigger(playbook(LEAKING).url, secrets=sealed))

    assert (run.state, run.events_complete) == (RunState.SUCCEEDED, True)
    everything = stored(conn)
    assert "task ********" in everything
    assert "message ********" in everything
    assert "+shown" in everything
    for part in ("dor&3", "long enough"):
        assert part not in everything
        assert part not in runner.log.read_text()


SILENT = """
- name: play {{ canary }}
  hosts: all
  gather_facts: false
  no_log: "{{ whole }}"
  vars: {canary: CANARY-1}
  tasks:
    - name: named {{ canary }}
      command: echo CANARY-2
      no_log: true
    - name: failed {{ canary }}
      shell: echo CANARY-3 >&2; exit 1
      no_log: true
      ignore_errors: true
    - name: looped {{ canary }}
      shell: echo {{ item.word }} >&2; exit 1
      no_log: "{{ item.word != 'shown' }}"
      loop: [{word: CANARY-4}, {word: shown}]
      ignore_errors: true
    - copy: {content: "CANARY-5", dest: "{{ playbook_dir }}/new"}
      no_log: true
      diff: true
    - block:
        - fail: msg=CANARY-6
      rescue:
        - debug: msg=CANARY-7
      no_log: true
    - shell: echo CANARY-8; exit 1
      no_log: true
      register: done
      until: done is success
      retries: 1
      delay: 0
      ignore_errors: true
    - debug: msg={{ nothing.such }}CANARY-9
      no_log: true
      ignore_errors: true
    - warning: text=CANARY-10
      no_log: true
"""
#: A module that warns of what it was given.
WARNING = """
from ansible.module_utils.basic import AnsibleModule

module = AnsibleModule({"text": {}})
module.warn("careful " + module.params["text"])
module.deprecate("soon gone: " + module.params["text"], version="9.9", collection_name="a.b")
module.exit_json(changed=False)
"""


def test_nothing_is_told_that_no_log_hides(bench, runner, playbook, conn):
    """Be it of single tasks or of a whole play; the file itself never has it."""
    files = {"library/warning.py": WARNING}
    url = playbook(SILENT, **files).url
    runs = [bench.trigger(url, vars={"whole": whole}) for whole in (False, True)]
    with ExitStack() as opened:
        raw = [opened.enter_context(events_of(bench, run).open()) for run in runs]

        for run in map(bench.await_final, runs):
            assert (run.state, run.events_complete) == (RunState.SUCCEEDED, True)
            assert len(told(conn, run, "result")) == 9
        assert "CANARY" not in stored(conn)
        assert not any("CANARY" in file.read() for file in raw)


def test_warnings_and_deprecations_of_tasks_are_told_once(bench, runner, playbook, conn):
    warning = """
- hosts: all
  gather_facts: false
  tasks: [{warning: {text: heat}}, {warning: {text: heat}}]
"""
    url = playbook(warning, **{"library/warning.py": WARNING}).url

    run = bench.await_final(bench.trigger(url, THREE))

    notes = told(conn, run, "warning", "deprecation")
    assert [(note.kind, note.detail["text"], note.detail["task"]) for note in notes] == [
        ("warning", "careful heat", 1),
        ("deprecation", "soon gone: heat", 1),
    ]


FORGING = """
- hosts: all
  gather_facts: false
  tasks:
    - shell: |
        cd "$ANSIBLE_LOCAL_TEMP/.." 2>/dev/null || cd "$TMPDIR/.."
        {{ forgery }}
    - debug: msg=after
"""
LINE = '{"event":"result","at":1,"host":"forged","task":1,"status":"ok"}'
FORGERIES = {
    "removed": ("rm events.jsonl", True),
    "a pipe": ("rm events.jsonl; mkfifo events.jsonl", True),
    "a link": ("rm events.jsonl; ln -s /dev/zero events.jsonl", True),
    "a directory": ("rm events.jsonl; mkdir events.jsonl", True),
    "rubbish": ("head -c 2000000 /dev/urandom >> events.jsonl; echo >> events.jsonl", True),
    "a line without an end": ("head -c 2000000 /dev/zero >> events.jsonl", True),
    "emptied": ("sleep 2; : > events.jsonl", False),
}


def test_what_a_playbook_does_to_the_file_hurts_nobody(bench, runner, playbook, conn):
    """Who removes it takes nothing away: plugin and runner hold it. Who empties it is found out."""
    url = playbook(FORGING).url
    runs = {
        name: bench.trigger(url, vars={"forgery": forgery})
        for name, (forgery, _) in FORGERIES.items()
    }

    for name, run in runs.items():
        ended = bench.await_final(run)
        assert (ended.state, ended.events_complete) == (
            RunState.SUCCEEDED,
            FORGERIES[name][1],
        ), name
        assert ended.host_count == 1, name
        if ended.events_complete and "line" not in name:
            assert [each.task for each in told(conn, ended, "result")] == [1, 2], name


def test_beyond_the_limit_events_are_only_counted(bench, start, playbook, conn):
    start(CURTAIN_EVENT_LIMIT="1000")
    flood = f"yes '{LINE}' | head -n 30000 >> events.jsonl"

    run = bench.await_final(bench.trigger(playbook(FORGING).url, vars={"forgery": flood}))

    assert (run.state, run.events_complete) == (RunState.SUCCEEDED, False)
    events = told(conn, run)
    assert len(events) == 1001
    assert (events[-1].kind, events[-1].detail["count"]) == ("dropped", 29_006)
    assert feed.dropped(conn, run.id) == 29_006
    how = {"is_known": False, "is_running": False, "after": "", "limit": 10}
    counted = {host.host: host.ok for host in hosts.page(conn, run.id, **how)}
    assert counted == {"forged": 30_000, "localhost": 2}
    first, second = tasks.page(conn, run.id, order="number", after=0, limit=10)
    assert (first.hosts, second.hosts) == (30_001, 1)


def test_a_stop_does_not_wait_for_all_that_was_told(bench, runner, playbook, conn):
    """It is said that something is missing; so it is of a flood whose playbook ends by itself."""
    flood = f"yes '{LINE}' | head -n 1000000 >> events.jsonl"
    url = playbook(FORGING).url
    run = bench.trigger(url, vars={"forgery": f"{flood}; sleep 300"})
    beside = bench.trigger(url, vars={"forgery": flood})
    file = events_of(bench, run)
    wait_until(lambda: file.stat().st_size > 1_000_000 * len(LINE))

    bench.stop(run, force=True)
    ended = bench.await_final(run)

    assert (ended.state, ended.events_complete) == (RunState.STOPPED, False)
    assert ended.stop_seconds < 15
    assert feed.dropped(conn, run.id) < 500_000
    assert bench.await_final(beside, 30).events_complete is False


MANY = """
- hosts: all
  gather_facts: false
  strategy: free
  tasks: [{debug: msg=1}, {debug: msg=2}]
"""


def test_many_hosts_are_told_of_one_by_one(bench, runner, playbook, conn):
    names = "".join(f"host{n} ansible_connection=local {PYTHON}\n" for n in range(60))
    url = playbook(MANY).url

    run = bench.await_final(bench.trigger(url, names, options={"forks": 30}, timeout=110), 110)

    assert (run.state, run.events_complete, run.host_count) == (RunState.SUCCEEDED, True, 60)
    cells = {(each.task, each.host) for each in told(conn, run, "result")}
    assert len(cells) == len(told(conn, run, "result")) == 120
    assert {task.hosts for task in tasks.page(conn, run.id, order="number", after=0, limit=9)} == {
        60
    }


@pytest.fixture
def servers():
    """A Postgres and a Valkey that can be taken away."""
    with own_servers() as (database, cache):
        migrate(database.url)
        yield database, cache


@contextmanager
def connected(database, cache, environ):
    """A bench with connections of its own."""
    with (
        psycopg.connect(database.url, autocommit=True, row_factory=dict_row) as conn,
        Redis.from_url(cache.url) as redis,
    ):
        yield Bench(conn, redis, environ)


def test_what_is_told_while_postgres_is_away_is_stored_when_it_is_back(
    servers, bench, start, playbook
):
    database, cache = servers
    bench.environ.update(DATABASE_URL=database.url, REDIS_URL=cache.url)
    slow = FORGING.replace("{{ forgery }}", "sleep 3")
    with connected(*servers, bench.environ) as fragile:
        start()
        run = fragile.trigger(playbook(slow).url, THREE)
        wait_until(lambda: told(fragile.conn, run, "task"))

        database.stop()
        wait_until(lambda: fragile.family(run) == [])
        database.start()

    with connected(*servers, bench.environ) as fragile:
        ended = fragile.await_final(run)
        assert (ended.state, ended.events_complete) == (RunState.SUCCEEDED, True)
        cells = [(each.task, each.host) for each in told(fragile.conn, run, "result")]
        assert len(cells) == len(set(cells)) == 6


def test_a_frozen_runner_holds_up_no_task(bench, start, playbook, conn):
    runner = start()
    slow = FORGING.replace("{{ forgery }}", "sleep 1")
    run = bench.trigger(playbook(slow).url, THREE)
    directory = Path(bench.await_phase(run, "playing").directory)

    runner.process.send_signal(signal.SIGSTOP)
    wait_until(lambda: b'"stats"' in (directory / EVENTS).read_bytes())
    runner.process.send_signal(signal.SIGCONT)
    ended = bench.await_final(run)

    assert (ended.state, ended.events_complete) == (RunState.SUCCEEDED, True)
    assert len(told(conn, run, "result")) == 6
