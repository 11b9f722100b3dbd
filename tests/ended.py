"""Runs that have ended, put into Postgres as they are, for what counts them."""

from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.runners import SPEC

ENDED = """
    INSERT INTO runs (template, spec, trigger, triggered_by, state, queued_at, claimed_at,
                      playing_at, finished_at, attempt, output_complete, output_bytes,
                      stop_requested_at, force_requested_at, stop_outcome, stop_seconds)
    SELECT %(template)s, %(spec)s, 'api', 'ada', %(state)s, at, start, start, finish, 1, true,
           %(output_bytes)s, stop, CASE WHEN %(force)s THEN stop END,
           CASE WHEN %(state)s = 'stopped' THEN 'terminated' END, %(stop_seconds)s
      FROM generate_series(1, %(count)s) AS n,
           -- Finished now, or now so many days ago: one that ends in a while may be of tomorrow.
           LATERAL (SELECT now() - make_interval(days => %(days_ago)s,
                                                 secs => coalesce(%(seconds)s, 0)) AS at),
           LATERAL (SELECT CASE WHEN %(seconds)s::float8 IS NOT NULL THEN at END AS start,
                           at + make_interval(secs => coalesce(%(seconds)s, 0)) AS finish,
                           CASE WHEN %(state)s = 'stopped' THEN at END AS stop)
    RETURNING id"""


def end(conn: psycopg.Connection[Any], state: str = "succeeded", **values: Any) -> list[int]:
    """Insert *count* runs that ended; *seconds* None never started."""
    basics = {
        "template": "deploy",
        "spec": Jsonb(SPEC),
        "state": state,
        "seconds": 10.0,
        "days_ago": 0,
        "count": 1,
        "force": False,
        "stop_seconds": 0.5 if state == "stopped" else None,
        "output_bytes": 0,
    }
    return [row["id"] for row in conn.execute(ENDED, {**basics, **values}).fetchall()]
