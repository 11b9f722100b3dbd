"""Approval of runs that want it, before they start."""

from runner.run import Run
from runner.store.connection import Connection
from runner.store.moves import move


def approve(conn: Connection, run_id: int, *, by: str, reason: str | None) -> Run | None:
    """wanted -> given: it may be taken, and its queue time-out begins.

    None if it was approved of before, is stopped, or nobody need approve of it.
    """
    return move(
        conn,
        """UPDATE runs
              SET approval = 'given', approved_at = now(), approved_by = %(by)s,
                  queue_expires_at = now() + make_interval(
                      secs => (spec ->> 'queue_timeout')::double precision)
            WHERE id = %(run_id)s AND state = 'queued' AND approval = 'wanted'
              AND approval_expires_at > now()""",
        "approved",
        by,
        {"reason": reason} if reason else {},
        run_id=run_id,
        by=by,
    )


def hold(conn: Connection, run_id: int) -> bool:
    """Let nobody approve of it until the transaction ends. False if it waits for that no more."""
    row = conn.execute(
        """SELECT FROM runs WHERE id = %s AND state = 'queued' AND approval = 'wanted'
              FOR NO KEY UPDATE""",
        [run_id],
    ).fetchone()
    return row is not None
