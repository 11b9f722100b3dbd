"""A database that has seen a million runs, as a year of a busy company makes them."""

from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from runner.store import counts
from runner.store.connection import connect
from tests.runners import SPEC

TEMPLATES = 200
LIVE = 50  # of each: queued and running
#: About as large as a template with some variables is.
WIDE = {**SPEC, "vars": {f"variable_{n}": f"a value of the {n}th" for n in range(12)}}

#: A run each 31 seconds until now. A sixth is of the first template, a six-hundredth of the last,
#: one in 100,000 of `rare`; u and v are even chances that are the same each time.
ENDED = """
    INSERT INTO runs (template, spec, trigger, triggered_by, rerun_of, state, queued_at, claimed_at,
                      playing_at, finished_at, attempt, runner, holder, machine, boot, exit_code,
                      output_complete, output_bytes, stop_requested_at, stop_requested_by,
                      stop_outcome, stop_seconds)
    SELECT template, %(spec)s, trigger, 'ada', CASE WHEN trigger = 'rerun' THEN n - 5 END, state,
           queued_at, start, start, start + make_interval(secs => seconds), 1, 'r', 'r', 'm', 'b',
           0, true, 20000, CASE WHEN state = 'stopped' THEN start END,
           CASE WHEN state = 'stopped' THEN 'ada' END,
           CASE WHEN state = 'stopped' THEN 'terminated' END,
           CASE WHEN state = 'stopped' THEN v END
      FROM (SELECT n, u, v, now() - make_interval(secs => (%(count)s - n + 1) * 31) AS queued_at,
                   CASE WHEN n %% 100000 = 7 THEN 'rare'
                        ELSE 't' || floor(%(templates)s * u ^ 3) END AS template,
                   CASE WHEN n > 10 AND v < 0.02 THEN 'rerun' WHEN v < 0.05 THEN 'chat'
                        WHEN v < 0.15 THEN 'schedule' WHEN v < 0.5 THEN 'hook'
                        ELSE 'api' END AS trigger,
                   CASE WHEN w < 0.85 THEN 'succeeded' WHEN w < 0.94 THEN 'failed'
                        WHEN w < 0.98 THEN 'stopped' WHEN w < 0.99 THEN 'timed_out'
                        WHEN w < 0.9995 THEN 'interrupted' ELSE 'lost' END AS state,
                   20 * exp(4 * w * u) AS seconds
              FROM (SELECT n, (hashint8(n) & 65535) / 65536.0::float8 AS u,
                           (hashint8(n * 7) & 65535) / 65536.0::float8 AS v,
                           (hashint8(n * 31) & 65535) / 65536.0::float8 AS w
                      FROM generate_series(1, %(count)s) AS n) AS chances) AS made,
           LATERAL (SELECT queued_at + make_interval(secs => v) AS start) AS started"""
QUEUED = """
    INSERT INTO runs (template, spec, trigger, triggered_by)
    SELECT 't' || n, %(spec)s, 'api', 'ada' FROM generate_series(1, %(live)s) AS n"""
RUNNING = """
    INSERT INTO runs (template, spec, trigger, triggered_by, state, phase, claimed_at, playing_at,
                      attempt, runner, holder, machine, boot, lease_token, lease_expires_at,
                      heartbeat_at)
    SELECT 't' || n, %(spec)s, 'api', 'ada', 'running', 'playing', now(), now(), 1, 'r', 'r', 'm',
           'b', gen_random_uuid(), now() + interval '1 day', now()
      FROM generate_series(1, %(live)s) AS n"""
DECLARED = """
    INSERT INTO templates (name, spec, updated_by)
    SELECT 't' || n, %(spec)s, 'ada' FROM generate_series(0, %(templates)s - 1) AS n"""


def fill(url: str, ended: int) -> None:
    """Insert so many runs that have ended, count them, and insert some that live."""
    values: dict[str, Any] = {
        "spec": Jsonb(WIDE),
        "count": ended,
        "templates": TEMPLATES,
        "live": LIVE,
    }
    # Not by a connection of ours: those give up after ten seconds.
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")  # no notes: they are old runs
        conn.execute(ENDED, values)
        conn.execute("RESET session_replication_role")
        conn.execute("UPDATE old_runs SET next_id = 1, until_id = (SELECT max(id) FROM runs)")
        for statement in (DECLARED, QUEUED, RUNNING):
            conn.execute(statement, values)
        conn.execute("VACUUM ANALYZE runs")
    with connect(url) as conn:
        while counts.count_old(conn):
            pass
        while counts.count(conn):
            pass
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE template_days")
