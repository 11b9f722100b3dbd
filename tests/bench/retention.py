"""What it costs others to forget 100,000 runs, and what room compressed output takes."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from runner.lifetimes import Lifetimes
from runner.retention import Retention
from runner.store import compressing
from runner.store.connection import Connection, connect
from tests.bench.caller import Caller
from tests.bench.figures import Figure, Spread, times
from tests.bench.occupied import open_occupied
from tests.bench.size import Size
from tests.bench.stack import Stack, open_stack, read
from tests.runners import SPEC

HOSTS = 10
PLAYED = 8  # real runs, each stored a hundred times
TIMES = 100
MEGABYTE = 2**20

#: Prints what playbooks print: results, loops, facts, a task that is skipped and one that changes.
PLAYBOOK = """
- hosts: all
  tasks:
    - command: id
    - command: "echo {{ item }}"
      loop: [nginx, postgresql, redis, openssh-server, chrony]
    - debug: var=ansible_mounts
    - stat: path=/etc/passwd
    - debug: msg="{{ inventory_hostname }} is {{ ansible_distribution }} {{ ansible_kernel }}"
    - command: uptime
      when: false
    - command: ls -l /usr/bin
      register: listed
    - debug: var=listed.stdout_lines[:40]
"""
#: What has the same output in other ways, beside run_output.
WAYS = {
    "each part by Postgres (pglz)": "SELECT run_id, start, bytes FROM run_output",
    "joined, then by Postgres (pglz)": """
        SELECT run_id, min(start) AS start, string_agg(bytes, '' ORDER BY start) AS bytes
          FROM run_output GROUP BY run_id, start / 262144""",
}
#: Old runs of ten templates, with what a run of five tasks on two hosts has beside its row.
OLD = (
    """INSERT INTO runs (template, spec, trigger, triggered_by, state, queued_at, claimed_at,
                         playing_at, finished_at, attempt, runner, holder, machine, boot, exit_code,
                         output_complete, output_bytes)
       SELECT 'old' || n %% 10, %(spec)s, 'api', 'bench', 'succeeded', at, at, at, at, 1, 'r', 'r',
              'm', 'b', 0, true, 4000
         FROM generate_series(1, %(count)s) AS n,
              LATERAL (SELECT now() - make_interval(days => 60, secs => %(count)s - n) AS at) AS _
        ORDER BY n""",
    """INSERT INTO run_events (run_id, at, kind, state, actor)
       SELECT id, finished_at, kind, 'running', 'bench'
         FROM runs, unnest(ARRAY['queued', 'claimed', 'started', 'playing', 'succeeded']) AS kind
        WHERE template LIKE 'old%%'""",
    """INSERT INTO run_output (run_id, start, bytes)
       SELECT id, part * 400, convert_to(repeat('ok: [web' || id %% 100 || '] ', 40), 'UTF8')
         FROM runs, generate_series(0, 9) AS part WHERE template LIKE 'old%%'""",
    """INSERT INTO run_tasks (run_id, number, attempt, play, name, action, path, began_at)
       SELECT id, n, 1, 'all', 'a task', 'command', 'site.yml', finished_at
         FROM runs, generate_series(1, 5) AS n WHERE template LIKE 'old%%'""",
    """INSERT INTO run_results (run_id, id, at, task, host, status)
       SELECT runs.id, n, finished_at, n / 2, n %% 2, 1
         FROM runs, generate_series(1, 10) AS n WHERE template LIKE 'old%%'""",
    """INSERT INTO run_host_progress (run_id, host, number)
       SELECT id, 'web' || n, n FROM runs, generate_series(0, 1) AS n
        WHERE template LIKE 'old%%'""",
)


def measure(size: Size) -> list[Figure]:
    """Forget while others call, then weigh output."""
    return [*_forgetting(size), *_room()]


def _forgetting(size: Size) -> Iterator[Figure]:
    with open_occupied(WEB_CONCURRENCY="1") as stack, Caller(stack.port) as caller:
        _fill(stack, size.forgotten)
        asked = _asked(stack)
        floors = {what: _seconds(caller, write, size.triggers) for what, write in asked.items()}
        with _retention(stack) as rounds:
            ours = {what: _seconds(caller, write, size.triggers) for what, write in asked.items()}
            if not _left(stack.conn):
                raise RuntimeError("all was forgotten before all was measured: give it more runs")
    for what in asked:
        yield times(f"{what} while {size.forgotten:,} runs are forgotten", ours[what], floors[what])
        yield times("  … and when none are", floors[what])
    yield times("  … a round of that, half a second of each five", rounds)
    rate = Spread.one(size.forgotten / sum(rounds), len(rounds))
    yield Figure(what="  … runs forgotten in a second of it", unit="/s", ours=rate)


def _fill(stack: Stack, count: int) -> None:
    # Not by a connection of ours: those give up after ten seconds.
    with psycopg.connect(stack.database.url, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")  # no notes: they are old runs
        for statement in OLD:
            conn.execute(statement, {"spec": Jsonb(SPEC), "count": count})
        conn.execute("VACUUM ANALYZE")


def _asked(stack: Stack) -> dict[str, Callable[[], bytes]]:
    """Requests, written anew for each: a run can be stopped once."""

    def stop() -> bytes:
        return stack.request("POST", f"/runs/{stack.trigger_run()}/stop", {})

    look = stack.request("GET", f"/runs/{stack.trigger_run()}")
    page = stack.request("GET", "/runs?template=bench")
    return {
        "a trigger": lambda: stack.trigger,
        "a stop of a queued run": stop,
        "a look at a run": lambda: look,
        "a page of runs": lambda: page,
    }


def _seconds(caller: Caller, write: Callable[[], bytes], count: int) -> list[float]:
    seconds = []
    for _ in range(count):
        answer = caller.send(write())
        read(answer)
        seconds.append(answer.seconds)
    return seconds


@contextmanager
def _retention(stack: Stack) -> Iterator[list[float]]:
    """Do one round after another until all is forgotten, and tell how long each took.

    Without a pause, where a watchdog has ten times as much of that.
    """
    rounds = list[float]()

    def forget() -> None:
        retention = Retention(Lifetimes.model_validate({"CURTAIN_RUN_DAYS": 30}))
        with connect(stack.database.url) as conn:
            while _left(conn):
                began = time.perf_counter()
                for chore in retention.chores():
                    chore(conn)
                rounds.append(time.perf_counter() - began)

    thread = threading.Thread(target=forget)
    thread.start()
    try:
        yield rounds
    finally:
        thread.join()


def _left(conn: Connection) -> bool:
    row = conn.execute(
        """SELECT EXISTS (SELECT FROM runs WHERE template LIKE 'old%')
               OR EXISTS (SELECT FROM forgotten) AS is_left"""
    ).fetchone()
    return row is not None and bool(row["is_left"])


def _room() -> Iterator[Figure]:
    """The output of real runs: as it is stored, and as it is kept, beside other ways to do it."""
    with open_stack() as stack:
        hosts = "".join(f"web{n} ansible_connection=local\n" for n in range(HOSTS))
        stack.declare(PLAYBOOK, hosts)
        for _ in range(PLAYED):
            stack.call("POST", "/templates/bench/runs?wait=50", {})
        with psycopg.connect(stack.database.url, autocommit=True) as conn:
            yield from _weigh(conn, stack)


def _weigh(conn: psycopg.Connection[Any], stack: Stack) -> Iterator[Figure]:
    _multiply(conn)
    row = conn.execute("SELECT sum(octet_length(bytes)), count(*) FROM run_output").fetchone()
    assert row
    runs, written, parts = PLAYED * TIMES, int(row[0]), int(row[1])
    each = f"{written / runs / 1024:.0f} KB in {parts / runs:.0f} parts each"
    before = _size(conn, "run_output")
    yield Figure(
        what=f"output of {runs:,} runs, {each}: stored",
        unit="MB",
        ours=before,
        floor=_megabytes(written),
    )
    for what, select in WAYS.items():
        conn.execute(f"CREATE TABLE way AS {select}")
        conn.execute("ALTER TABLE way ADD PRIMARY KEY (run_id, start)")
        yield Figure(what=f"  … {what}", unit="MB", ours=_size(conn, "way"), floor=before)
        conn.execute("DROP TABLE way")
    with connect(stack.database.url) as ours:
        began = time.perf_counter()
        while _compress(ours):
            pass
        seconds = time.perf_counter() - began
    yield Figure(what="  … compressed", unit="MB", ours=_size(conn, "run_output"), floor=before)
    rate = Spread.one(runs / seconds, runs)
    yield Figure(what="  … runs compressed in a second", unit="/s", ours=rate)


def _multiply(conn: psycopg.Connection[Any]) -> None:
    """Have the same runs many times, all old."""
    conn.execute("SET session_replication_role = replica")  # a final row is never changed
    conn.execute("UPDATE runs SET finished_at = finished_at - interval '8 days'")
    rows = conn.execute(
        """SELECT attname FROM pg_attribute
            WHERE attrelid = 'runs'::regclass AND attnum > 1 AND NOT attisdropped"""
    ).fetchall()
    columns = ", ".join(name for (name,) in rows)
    copies = f"generate_series(1, {TIMES - 1}) AS copy"
    conn.execute(
        f"""INSERT INTO run_output (run_id, start, bytes, at)
            SELECT run_id + copy * 1000000, start, bytes, at FROM run_output, {copies}
             ORDER BY copy, run_id, start"""
    )
    conn.execute(
        f"""INSERT INTO runs (id, {columns}) OVERRIDING SYSTEM VALUE
            SELECT id + copy * 1000000, {columns} FROM runs, {copies}"""
    )


def _size(conn: psycopg.Connection[Any], table: str) -> Spread:
    """What it takes with its index and what is out of line, without what was deleted."""
    conn.execute(f"VACUUM FULL {table}")
    row = conn.execute("SELECT pg_total_relation_size(%s::regclass)", [table]).fetchone()
    assert row
    return _megabytes(row[0])


def _megabytes(size: int) -> Spread:
    return Spread.one(size / MEGABYTE)


def _compress(conn: Connection) -> int:
    with conn.transaction():
        return compressing.compress_oldest(conn, days=7)
