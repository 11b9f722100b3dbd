"""What came of each host of a run. It is written with the final row, in the same statement."""

from typing import LiteralString

from runner.recap import HostResult
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


def page(conn: Connection, run_id: int, *, after: str, limit: int) -> list[HostResult]:
    """Up to *limit* results of a run by the hosts' names, those behind *after*."""
    rows = conn.execute(
        f"""SELECT {COLUMNS} FROM run_hosts
            WHERE run_id = %s AND host > %s ORDER BY host LIMIT %s""",
        [run_id, after, limit],
    ).fetchall()
    return [HostResult(**row) for row in rows]


def failed(conn: Connection, run_id: int) -> list[str]:
    """The hosts of a run on which a task failed, or which could not be reached, by name."""
    rows = conn.execute(
        """SELECT host FROM run_hosts
            WHERE run_id = %s AND (failed > 0 OR unreachable > 0) ORDER BY host""",
        [run_id],
    ).fetchall()
    return [row["host"] for row in rows]
