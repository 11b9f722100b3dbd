"""Compressing the output of old runs, where it is: readers see the same bytes all the time."""

from typing import Final

from runner.packing import BLOCK, Part, pack
from runner.store import counts
from runner.store.connection import Connection

MOST_PARTS: Final = 1000  # that are joined at most
BLOCKS: Final = 8  # of one transaction: up to 2 MB


def compress_oldest(conn: Connection, *, days: int) -> int:
    """Compress a batch of the output of the oldest run that ended so many days ago.

    1 if there was one, and 0 if none is left. A large one takes several.
    """
    row = conn.execute(
        """SELECT id FROM runs
            WHERE state NOT IN ('queued', 'running') AND output_kept = 'plain'
              AND finished_at < now() - make_interval(days => %s)
            ORDER BY finished_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED""",
        [days],
    ).fetchone()
    if row is None:
        return 0
    blocks = (_compress_next(conn, row["id"]) for _ in range(BLOCKS))
    if not all(blocks):
        conn.execute("UPDATE runs SET output_kept = 'compressed' WHERE id = %s", [row["id"]])
        counts.note(conn, "compressed", [], 1)
    return 1


def _compress_next(conn: Connection, run_id: int) -> bool:
    """Replace the next parts by one; False when none is left."""
    rows = conn.execute(
        """SELECT start, bytes, at
             FROM (SELECT start, bytes, at, row_number() OVER (ORDER BY start) AS number,
                          sum(octet_length(bytes)) OVER (ORDER BY start) AS together
                     FROM (SELECT start, bytes, at FROM run_output
                            WHERE run_id = %(run_id)s AND packed_of IS NULL
                            ORDER BY start LIMIT %(most)s) AS next) AS summed
            WHERE number = 1 OR together <= %(block)s ORDER BY start""",
        {"run_id": run_id, "most": MOST_PARTS, "block": BLOCK},
        binary=True,
    ).fetchall()
    if not rows:
        return False
    packed = pack([Part(**row) for row in rows])
    conn.execute(
        """DELETE FROM run_output
            WHERE run_id = %s AND start BETWEEN %s AND %s AND packed_of IS NULL""",
        [run_id, packed.start, rows[-1]["start"]],
    )
    conn.execute(
        """INSERT INTO run_output (run_id, start, bytes, packed_of, packed_times, at)
           VALUES (%(run_id)s, %(start)s, %(content)s, %(packed_of)s, %(packed_times)s, %(at)s)""",
        {"run_id": run_id, **packed._asdict()},
    )
    return True
