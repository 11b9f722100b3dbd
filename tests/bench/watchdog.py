"""What a round of the watchdog costs among a million final rows, and where it goes."""

import time
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from runner import clients, family, machine
from runner.settings import Settings
from runner.store import runs
from runner.store.connection import OPTIONS, Connection, Line, limit_statements
from runner.watchdog import Watchdog
from tests.bench.figures import Aim, Figure, times
from tests.bench.size import Size
from tests.bench.stack import Stack, open_stack
from tests.runners import SPEC

LIVE = 200  # rows that are running, all of a runner that lives here: this process
AIM = 20  # milliseconds
FINAL = """
    INSERT INTO runs (template, spec, trigger, triggered_by, state, queued_at, claimed_at,
                      playing_at, finished_at, attempt, runner, holder, machine, boot,
                      exit_code, output_complete)
    SELECT 'bench', %(spec)s, 'api', 'bench', 'succeeded', at, at, at, at, 1, 'old', 'old',
           %(machine)s, %(boot)s, 0, true
      FROM generate_series(1, %(count)s) AS n,
           LATERAL (SELECT now() - make_interval(secs => %(count)s - n) AS at) AS moment"""
RUNNING = """
    INSERT INTO runs (template, spec, trigger, triggered_by, state, phase, claimed_at, playing_at,
                      attempt, runner, holder, machine, boot, lease_token, lease_expires_at,
                      heartbeat_at)
    SELECT 'bench', %(spec)s, 'api', 'bench', 'running', 'playing', now(), now(),
           1, %(name)s, %(name)s, %(machine)s, %(boot)s, gen_random_uuid(),
           now() + interval '1 hour', now()
      FROM generate_series(1, %(count)s)"""


class TimedConnection(Connection):
    """A connection that knows how long it has waited for the server."""

    waited = 0.0  # seconds

    def wait(self, *args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return super().wait(*args, **options)
        finally:
            self.waited += time.perf_counter() - began


class TimedLine(Line):
    """The watchdog's line, with that connection."""

    def __init__(self, conn: TimedConnection) -> None:
        super().__init__("")
        self._conn = conn
        self.up_since = time.monotonic()


def measure(size: Size) -> list[Figure]:
    """Do rounds in this process, whose name all live rows bear."""
    with open_stack(with_runner=False) as stack:
        _fill(stack, size.final_rows)
        url = stack.environ["DATABASE_URL"]
        with TimedConnection.connect(url, row_factory=dict_row, **OPTIONS) as conn:
            limit_statements(conn)
            rounds, waits, looks, asks = zip(*_rounds(stack, conn, size.rounds), strict=True)
    among = f"{size.final_rows:,} final rows, {LIVE} live"
    return [
        times(f"a round among {among}", rounds, asks, Aim("p50", AIM)),
        times("  … waiting for Postgres (floor: SELECT 1)", waits, asks),
        times("  … the look at every process of the machine", looks),
    ]


def _fill(stack: Stack, final_rows: int) -> None:
    values = {
        "spec": Jsonb(SPEC),
        "machine": "bench",
        "boot": machine.boot(),
        "name": machine.process_name("bench"),
    }
    # Not by a connection of ours: those give up after ten seconds.
    with psycopg.connect(stack.database.url, autocommit=True) as conn:
        conn.execute(FINAL, {**values, "count": final_rows})
        conn.execute(RUNNING, {**values, "count": LIVE})
        conn.execute("TRUNCATE uncounted")  # as if they had been counted, a few in each round
        conn.execute("VACUUM ANALYZE runs")


def _rounds(stack: Stack, conn: TimedConnection, count: int) -> Iterator[tuple[float, ...]]:
    settings = Settings.from_environ({**stack.environ, "RUNNER_MACHINE": "bench"})
    with clients.connect(settings.redis_url) as redis:
        watchdog = Watchdog(settings, redis, TimedLine(conn))
        watchdog.reconcile()  # the first one fills the server's caches
        for _ in range(count):
            yield _round(watchdog, conn)
    running = stack.conn.execute("SELECT FROM runs WHERE state = 'running'").rowcount
    if running != LIVE:
        raise RuntimeError(f"{LIVE} rows were running, {running} are: the rounds were no idle ones")


def _round(watchdog: Watchdog, conn: TimedConnection) -> tuple[float, ...]:
    """One round, its wait for Postgres, a look at the processes, and the floor; in seconds."""
    began, conn.waited = time.perf_counter(), 0.0
    watchdog.reconcile()
    ended, waited = time.perf_counter(), conn.waited
    family.find(runs.installation(conn))
    looked = time.perf_counter()
    conn.execute("SELECT 1")
    return ended - began, waited, looked - ended, time.perf_counter() - looked
