"""The notifications that wait: who may make the next attempt at one, and what came of it.

Each attempt is begun by whoever still finds as many attempts as it was handed on with; so two that
were handed the same one, at whatever times, never both send it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from runner.run import Run
from runner.store import runs
from runner.store.connection import Connection


class Due(NamedTuple):
    """What shall be attempted."""

    id: int
    #: How many attempts there were.
    attempts: int


class Notification(NamedTuple):
    """One event to be told to one target."""

    id: int
    attempts: int
    event_id: int
    #: When the event was.
    at: datetime
    #: The run's state after it.
    state: str
    occasion: str
    #: Its place in the spec's list; -1: the run's reply.
    target: int
    #: The run as it is now.
    run: Run


class Outcome(NamedTuple):
    """What came of an attempt."""

    #: sent, dead, or pending: to be tried again.
    state: str
    #: What the target answered, if it did.
    status: int | None = None
    error: str | None = None
    #: Seconds until it is tried again.
    again_in: float = 0.0


def claim(conn: Connection, *, limit: int, lease: float) -> Sequence[Due]:
    """Take up to *limit* that are due; for *lease* seconds nobody else is given them.

    What was never tried goes first. Nothing is taken while an older one of the same run for the
    same target is being sent, or was never tried: a run is not told to end before it starts.
    """
    rows = conn.execute(
        """WITH due AS (
               SELECT id FROM notifications AS this
                WHERE state = 'pending' AND due_at <= now()
                  AND NOT EXISTS (
                      SELECT 1 FROM notifications AS older
                       WHERE older.run_id = this.run_id AND older.id < this.id
                         AND older.target = this.target AND older.state = 'pending'
                         AND (older.attempts = 0 OR older.begun_at IS NOT NULL))
                ORDER BY attempts > 0, due_at
                LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
           UPDATE notifications
              SET due_at = now() + make_interval(secs => %(lease)s)
             FROM due
            WHERE notifications.id = due.id
           RETURNING notifications.id, notifications.attempts""",
        {"limit": limit, "lease": lease},
    ).fetchall()
    return [Due(**row) for row in rows]


def find(conn: Connection, due: Due) -> Notification | None:
    """What *due* tells of. None when it is no more to be attempted, or somebody else was first."""
    row = conn.execute(
        """SELECT notifications.id, attempts, event_id, at, run_events.state, occasion, target,
                  notifications.run_id
             FROM notifications JOIN run_events ON run_events.id = event_id
            WHERE notifications.id = %(id)s AND notifications.state = 'pending'
              AND attempts = %(attempts)s""",
        due._asdict(),
    ).fetchone()
    run = runs.find(conn, row.pop("run_id")) if row else None
    return Notification(**row, run=run) if row and run else None


def postpone(conn: Connection, due: Due, *, seconds: float) -> None:
    """Leave it for *seconds*; that is no attempt."""
    conn.execute(
        """UPDATE notifications SET due_at = now() + make_interval(secs => %(seconds)s)
            WHERE id = %(id)s AND state = 'pending' AND attempts = %(attempts)s""",
        {**due._asdict(), "seconds": seconds},
    )


def give_up(conn: Connection, due: Due, *, state: str, reason: str) -> None:
    """pending -> skipped or dead, without an attempt."""
    conn.execute(
        """UPDATE notifications SET state = %(state)s, reason = %(reason)s, begun_at = NULL
            WHERE id = %(id)s AND state = 'pending' AND attempts = %(attempts)s""",
        {**due._asdict(), "state": state, "reason": reason},
    )


def begin(conn: Connection, due: Due, *, lease: float) -> int | None:
    """Begin the next attempt; the id of its log. None when somebody else was first."""
    row = conn.execute(
        """WITH begun AS (
               UPDATE notifications
                  SET attempts = attempts + 1, begun_at = now(),
                      due_at = now() + make_interval(secs => %(lease)s)
                WHERE id = %(id)s AND state = 'pending' AND attempts = %(attempts)s
               RETURNING id)
           INSERT INTO notification_attempts (notification_id)
           SELECT id FROM begun
           RETURNING id""",
        {**due._asdict(), "lease": lease},
    ).fetchone()
    return row["id"] if row else None


def note(conn: Connection, due: Due, attempt: int, outcome: Outcome, *, seconds: float) -> None:
    """Write what came of the *attempt* that was begun with *due*. Repeating it changes nothing."""
    values: dict[str, Any] = {
        **due._asdict(),
        **outcome._asdict(),
        "attempt": attempt,
        "seconds": seconds,
    }
    conn.execute(
        """WITH logged AS (
               UPDATE notification_attempts
                  SET status = %(status)s, error = %(error)s, seconds = %(seconds)s
                WHERE id = %(attempt)s)
           UPDATE notifications
              SET state = %(state)s, begun_at = NULL,
                  reason = CASE WHEN %(state)s = 'dead' THEN %(error)s END,
                  sent_at = CASE WHEN %(state)s = 'sent' THEN now() END,
                  due_at = now() + make_interval(secs => %(again_in)s)
            WHERE id = %(id)s AND state = 'pending' AND attempts = %(attempts)s + 1""",
        values,
    )
