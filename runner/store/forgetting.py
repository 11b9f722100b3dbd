"""Forgetting runs, the oldest first, and what is kept beside them.

A run's row goes first, or is marked, in one statement: from then on nobody sees anything of it.
What was beside it is noted in `forgotten`, and deleted from there a batch at a time. A row that
somebody has locked is passed over, and looked for again.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, LiteralString, NamedTuple

from runner.store import counts
from runner.store.connection import Connection

Kept = Literal["output", "events"]

#: Seconds since its end in which a run is not forgotten, however many there are: whoever has waited
#: for its end still asks how it went.
YOUNG: Final = 3600.0
#: Days in which a run is not that has left async jobs running: their family would have no row, and
#: whoever finds such a one ends it.
LEFT: Final = 30
#: Ends that are not counted yet; while there are more, counting comes first.
MOST_UNCOUNTED: Final = 1000


class Place(NamedTuple):
    """Where a part of runs is, and how much of it one transaction deletes."""

    #: Of so many runs: a few, where each has many rows.
    runs: int
    #: Up to so many rows of each table.
    rows: int
    tables: tuple[LiteralString, ...]


#: Rows of the output have up to 256 KB, in as many pieces as Postgres makes of them.
PARTS: Final = {
    "output": Place(10, 50, ("run_output",)),
    "events": Place(25, 500, ("run_results", "run_notes", "run_tasks")),
    "hosts": Place(50, 500, ("run_hosts", "run_host_progress", "run_reading")),
}
TABLES: Final = ("runs", *(table for place in PARTS.values() for table in place.tables))
FINAL: LiteralString = "state NOT IN ('queued', 'running')"  # as the indexes have it

#: What no run may be that is forgotten: repeated by one that lives, still to be told of or followed
#: up, not counted, with processes that may live.
NEEDED: LiteralString = """
    EXISTS (SELECT FROM runs AS live
             WHERE live.rerun_of = runs.id AND live.state IN ('queued', 'running'))
    OR EXISTS (SELECT FROM notifications WHERE run_id = runs.id AND notifications.state = 'pending')
    OR EXISTS (SELECT FROM follow_ups WHERE run_id = runs.id)
    OR EXISTS (SELECT FROM old_runs WHERE runs.id BETWEEN next_id AND until_id)
    OR runs.id = ANY(%(uncounted)s)
    OR left_running <> '[]' AND finished_at > now() - make_interval(days => %(left)s)"""


def retentions(conn: Connection) -> dict[str, dict[str, int]]:
    """What the templates that say so themselves say of how long their runs are kept."""
    rows = conn.execute(
        "SELECT name, spec -> 'retention' AS retention FROM templates WHERE spec ? 'retention'"
    ).fetchall()
    return {row["name"]: row["retention"] for row in rows}


def forget_aged(conn: Connection, template: str, *, days: int, limit: int) -> int:
    """Forget up to *limit* runs of *template* that ended so many days ago; tell how many."""
    return _forget(
        conn,
        "finished_at < now() - make_interval(days => %(days)s)",
        "finished_at",
        {"template": template, "days": days, "limit": limit},
    )


def forget_beyond(conn: Connection, template: str, *, most: int, limit: int) -> int:
    """Forget up to *limit* runs of *template* beyond the *most* newest that have ended."""
    return _forget(
        conn,
        f"""id <= (SELECT id FROM runs WHERE template = %(template)s AND {FINAL}
                    ORDER BY id DESC NULLS LAST OFFSET %(most)s LIMIT 1)""",
        "id ASC NULLS FIRST",
        {"template": template, "most": most, "limit": limit},
    )


def _forget(
    conn: Connection, tests: LiteralString, order: LiteralString, values: Mapping[str, Any]
) -> int:
    uncounted = counts.uncounted_ends(conn, limit=MOST_UNCOUNTED)
    if len(uncounted) == MOST_UNCOUNTED:
        return 0
    row = conn.execute(
        f"""WITH old AS MATERIALIZED (
                SELECT id FROM runs
                 WHERE template = %(template)s AND {FINAL} AND {tests}
                   AND finished_at < now() - make_interval(secs => %(young)s)
                   AND NOT ({NEEDED})
                 ORDER BY {order} LIMIT %(limit)s FOR UPDATE SKIP LOCKED),
            gone AS (
                DELETE FROM runs USING old WHERE runs.id = old.id
                RETURNING runs.id, output_bytes, output_kept, events_kept),
            left_over AS (
                INSERT INTO forgotten (run_id, part)
                SELECT id, part FROM gone, unnest(ARRAY['output', 'events', 'hosts']) AS part
                 WHERE CASE part WHEN 'output' THEN output_bytes > 0 AND output_kept <> 'gone'
                                 WHEN 'events' THEN events_kept
                                 ELSE true END)
            SELECT count(*) AS gone FROM gone""",
        {**values, "young": YOUNG, "left": LEFT, "uncounted": uncounted},
    ).fetchone()
    assert row is not None
    counts.note(conn, "forgotten", ["runs"], row["gone"])
    return int(row["gone"])


#: Which of the runs that have something is the oldest, and the mark that it has it no more.
_MARKS: Final[dict[Kept, tuple[LiteralString, ...]]] = {
    "output": ("output_kept = 'plain'", "output_kept = 'compressed'"),
    "events": ("events_kept",),
}
_MARKED: Final[dict[Kept, LiteralString]] = {
    "output": "output_kept = 'gone'",
    "events": "events_kept = false",
}


def forget_part(conn: Connection, part: Kept, *, days: int, limit: int) -> int:
    """Forget the output or the events of up to *limit* runs that ended so many days ago."""
    return sum(
        conn.execute(
            f"""WITH old AS MATERIALIZED (
                    SELECT id FROM runs
                     WHERE {FINAL} AND {has_it}
                       AND finished_at < now() - make_interval(days => %(days)s)
                     ORDER BY finished_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED),
                marked AS (
                    UPDATE runs SET {_MARKED[part]} FROM old WHERE runs.id = old.id
                    RETURNING runs.id)
                INSERT INTO forgotten (run_id, part) SELECT id, %(part)s FROM marked""",
            {"days": days, "part": part, "limit": limit},
        ).rowcount
        for has_it in _MARKS[part]
    )


def delete_left_over(conn: Connection, part: str) -> int:
    """Delete a batch of what some forgotten runs have left; tell how many rows, and runs.

    What may be more is deleted by the next call.
    """
    place = PARTS[part]
    ids = [
        row["run_id"]
        for row in conn.execute(
            """SELECT run_id FROM forgotten WHERE part = %s
                ORDER BY run_id LIMIT %s FOR UPDATE SKIP LOCKED""",
            [part, place.runs],
        ).fetchall()
    ]
    if not ids:
        return 0
    deleted = {table: _delete(conn, table, ids, place.rows) for table in place.tables}
    for table, rows in deleted.items():
        counts.note(conn, "forgotten", [table], rows)
    if max(deleted.values()) < place.rows:
        conn.execute("DELETE FROM forgotten WHERE part = %s AND run_id = ANY(%s)", [part, ids])
    return sum(deleted.values()) + len(ids)


def _delete(conn: Connection, table: LiteralString, run_ids: list[int], limit: int) -> int:
    return conn.execute(
        f"""DELETE FROM {table} WHERE ctid = ANY(ARRAY(
                SELECT ctid FROM {table} WHERE run_id = ANY(%s) LIMIT %s))""",
        [run_ids, limit],
    ).rowcount
