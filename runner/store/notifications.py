"""The notifications as people look at them: what came of each, and what is given up."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from runner.store.connection import Connection


class StoredNotification(NamedTuple):
    """One event and one target, and the log of attempts."""

    id: int
    run_id: int
    event_id: int
    occasion: str
    #: As its template has it; {"kind": "reply"} for a chat command's.
    to: dict[str, Any]
    state: str
    #: Why it was skipped or given up.
    reason: str | None
    #: When it is tried next; None when it is not.
    due_at: datetime | None
    sent_at: datetime | None
    created_at: datetime
    #: {at, status, error, seconds}, the first one first.
    attempts: list[dict[str, Any]]


SELECT = """
    SELECT this.id, this.run_id, this.event_id, this.occasion, this.state, this.reason,
           this.sent_at, this.created_at,
           CASE WHEN this.state = 'pending' THEN this.due_at END AS due_at,
           CASE WHEN this.target < 0 THEN '{"kind": "reply"}'
                ELSE runs.spec -> 'notifications' -> this.target -> 'to' END AS to,
           coalesce(
               (SELECT jsonb_agg(
                           jsonb_build_object('at', at, 'status', status, 'error', error,
                                              'seconds', seconds) ORDER BY id)
                  FROM notification_attempts WHERE notification_id = this.id),
               '[]') AS attempts
      FROM notifications AS this JOIN runs ON runs.id = this.run_id"""


def of_run(conn: Connection, run_id: int, *, after: int, limit: int) -> list[StoredNotification]:
    """Up to *limit* of a run in their order, those behind *after*."""
    rows = conn.execute(
        f"{SELECT} WHERE this.run_id = %s AND this.id > %s ORDER BY this.id LIMIT %s",
        [run_id, after, limit],
    ).fetchall()
    return [StoredNotification(**row) for row in rows]


def page(
    conn: Connection,
    *,
    limit: int,
    before: int | None = None,
    states: Sequence[str] = (),
    of: Sequence[str] | None = None,
) -> list[StoredNotification]:
    """Up to *limit*, the newest first, older than *before*: *of* these templates, None: of all."""
    tests = ["true"]
    if of is not None:
        tests.append("runs.template = ANY(%(of)s)")
    if before is not None:
        tests.append("this.id < %(before)s")
    if states:
        tests.append("this.state = ANY(%(states)s)")
    rows = conn.execute(
        f"{SELECT} WHERE {' AND '.join(tests)} ORDER BY this.id DESC LIMIT %(limit)s",
        {"before": before, "states": list(states), "limit": limit, "of": list(of or ())},
    ).fetchall()
    return [StoredNotification(**row) for row in rows]


def find(conn: Connection, notification_id: int) -> StoredNotification | None:
    """The notification with this id."""
    row = conn.execute(f"{SELECT} WHERE this.id = %s", [notification_id]).fetchone()
    return StoredNotification(**row) if row else None


def retry(conn: Connection, notification_id: int) -> bool:
    """dead -> pending: it is tried anew, as often as at first. False if it is not dead."""
    moved = conn.execute(
        """UPDATE notifications
              SET state = 'pending', reason = NULL, attempts = 0, due_at = now()
            WHERE id = %s AND state = 'dead'""",
        [notification_id],
    )
    return moved.rowcount == 1


def forget(conn: Connection, *, days: int, limit: int) -> int:
    """Delete up to *limit* that are older than so many days, and their attempts. How many."""
    # The oldest have the smallest ids: no index on their time is needed.
    return conn.execute(
        """WITH oldest AS MATERIALIZED (
               SELECT id, created_at FROM notifications ORDER BY id LIMIT %s),
           old AS MATERIALIZED (
               SELECT id FROM notifications
                WHERE id IN (SELECT id FROM oldest
                              WHERE created_at < now() - make_interval(days => %s))
                  FOR UPDATE SKIP LOCKED)
           DELETE FROM notifications USING old WHERE notifications.id = old.id""",
        [limit, days],
    ).rowcount
