"""Notices about runs that go on: their time is nearly up, or they take longer than usual."""

from typing import Any

from psycopg.types.json import Jsonb

from runner.run import Run
from runner.store.connection import Connection
from runner.store.row import ROW

NEARLY = 0.9  # of its time limit, after which it is told of


def note_ends_soon(conn: Connection, *, actor: str) -> list[Run]:
    """Note, once for each, whose time limit is nearly reached."""
    rows = conn.execute(
        f"""WITH moved AS (
                UPDATE runs SET ends_soon_at = now()
                 WHERE state = 'running' AND ends_soon_at IS NULL AND stop_requested_at IS NULL
                   AND claimed_at < now() - make_interval(
                           secs => (spec ->> 'timeout')::double precision * %(nearly)s)
                RETURNING {ROW}),
            noted AS (
                INSERT INTO run_events (run_id, kind, state, actor, detail)
                SELECT id, 'ends_soon', state, %(actor)s,
                       jsonb_build_object('timeout', (spec ->> 'timeout')::double precision)
                  FROM moved)
            SELECT * FROM moved""",
        {"actor": actor, "nearly": NEARLY},
    ).fetchall()
    return [Run.from_row(row) for row in rows]


def long_running(conn: Connection, *, longer_than: float) -> list[dict[str, Any]]:
    """The runs not yet told of that run for more than *longer_than* seconds: id, template, seconds.

    Seconds since they were claimed, as the statistics of templates count them.
    """
    return conn.execute(
        """SELECT id, template,
                  extract(epoch FROM now() - claimed_at)::double precision AS seconds
             FROM runs
            WHERE state = 'running' AND slow_at IS NULL AND stop_requested_at IS NULL
              AND claimed_at < now() - make_interval(secs => %s)""",
        [longer_than],
    ).fetchall()


def note_slow(conn: Connection, run_id: int, *, usual: float, actor: str) -> Run | None:
    """Note that a run takes long; *usual*: seconds that 95 of 100 take. None if it was before."""
    row = conn.execute(
        f"""WITH moved AS (
                UPDATE runs SET slow_at = now()
                 WHERE id = %(run_id)s AND state = 'running' AND slow_at IS NULL
                RETURNING {ROW}),
            noted AS (
                INSERT INTO run_events (run_id, kind, state, actor, detail)
                SELECT id, 'slow', state, %(actor)s, %(detail)s FROM moved)
            SELECT * FROM moved""",
        {"run_id": run_id, "actor": actor, "detail": Jsonb({"usually": round(usual, 1)})},
    ).fetchone()
    return Run.from_row(row) if row else None
