"""What came of each host of a run.

What Ansible itself counts is written with the final row, in the same statement. Until then, and
where it never came to that, it is what our plugin has told while it played.
"""

from collections.abc import Collection
from datetime import datetime
from typing import LiteralString, NamedTuple

from runner.store.connection import Connection

COLUMNS: LiteralString = "host, ok, changed, unreachable, failed, skipped, rescued, ignored"

#: Writes them for the run of a move that is called `moved`; see runner.recap.columns.
RESULTS: LiteralString = f""",
                 told AS (
                     INSERT INTO run_hosts (run_id, {COLUMNS})
                     SELECT moved.id, told.*
                       FROM moved, unnest(
                           %(host)s::text[], %(ok)s::int[], %(changed)s::int[],
                           %(unreachable)s::int[], %(failed)s::int[], %(skipped)s::int[],
                           %(rescued)s::int[], %(ignored)s::int[]) AS told)"""


#: The counts, and what is known besides; Ansible's own counts where `is_known`.
PROGRESS: LiteralString = """
    SELECT host, p.task, p.at_work, p.seconds, p.at,
           coalesce(h.ok, p.ok) AS ok, coalesce(h.changed, p.changed) AS changed,
           coalesce(h.unreachable, p.unreachable) AS unreachable,
           coalesce(h.failed, p.failed) AS failed, coalesce(h.skipped, p.skipped) AS skipped,
           coalesce(h.rescued, p.rescued) AS rescued, coalesce(h.ignored, p.ignored) AS ignored"""
#: Which rows those are. What an earlier attempt has told of is forgotten until it is told of again.
KNOWN: LiteralString = """
      FROM (SELECT * FROM run_hosts WHERE run_id = %(run_id)s) AS h
      LEFT JOIN (SELECT * FROM run_host_progress WHERE run_id = %(run_id)s) AS p USING (host)"""
UNKNOWN: LiteralString = """
      FROM (SELECT * FROM run_host_progress
             WHERE run_id = %(run_id)s AND at IS NOT NULL) AS p
      LEFT JOIN (SELECT * FROM run_hosts WHERE false) AS h USING (host)"""
STATE: LiteralString = """
    CASE WHEN at_work AND %(is_running)s THEN 'running'
         WHEN unreachable > 0 THEN 'unreachable'
         WHEN failed > 0 THEN 'failed'
         WHEN changed > 0 THEN 'changed'
         WHEN ok > 0 OR rescued > 0 THEN 'ok'
         ELSE 'skipped' END"""


class HostProgress(NamedTuple):
    """How far a host has come, and what came of it."""

    host: str
    #: running, ok, changed, failed, unreachable or skipped: the worst that came of a task there.
    state: str
    ok: int
    changed: int
    unreachable: int
    failed: int
    skipped: int
    rescued: int
    ignored: int
    #: Its last task's number and name; None where the plugin did not tell.
    task: int | None
    name: str | None
    #: That its tasks took.
    seconds: float | None
    #: When something was told of it last.
    at: datetime | None


def page(
    conn: Connection,
    run_id: int,
    *,
    is_known: bool,
    is_running: bool,
    after: str,
    limit: int,
    states: Collection[str] = (),
) -> list[HostProgress]:
    """Up to *limit* hosts of a run by their names, those behind *after*, in one of *states*.

    *is_known*: Ansible has told what came of them; *is_running*: some may be at work.
    """
    rows: LiteralString = KNOWN if is_known else UNKNOWN
    wanted: LiteralString = "AND state = ANY(%(states)s)" if states else ""
    found = conn.execute(
        f"""SELECT each.host, state, each.ok, each.changed, each.unreachable, each.failed,
                   each.skipped, each.rescued, each.ignored, task, t.name, seconds, at
              FROM (SELECT *, {STATE} AS state FROM ({PROGRESS} {rows}
                            WHERE host > %(after)s COLLATE "C") AS counted
                   ) AS each
              LEFT JOIN run_tasks AS t ON t.run_id = %(run_id)s AND t.number = task
             WHERE true {wanted} ORDER BY each.host LIMIT %(limit)s""",
        {
            "run_id": run_id,
            "after": after,
            "is_running": is_running,
            "states": list(states),
            "limit": limit,
        },
    ).fetchall()
    return [HostProgress(**row) for row in found]


def failed(conn: Connection, run_id: int) -> list[str]:
    """The hosts of a run on which a task failed, or which could not be reached, by name."""
    rows = conn.execute(
        """SELECT host FROM run_hosts
            WHERE run_id = %s AND (failed > 0 OR unreachable > 0) ORDER BY host""",
        [run_id],
    ).fetchall()
    return [row["host"] for row in rows]
