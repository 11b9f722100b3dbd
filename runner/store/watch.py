"""Which watchdog looks after all machines, by a lease that a frozen one loses; its rounds."""

from collections.abc import Mapping
from datetime import datetime

from psycopg.types.json import Jsonb

from runner.store.connection import Connection

#: What watchdogs decide, and count.
VERDICTS = {
    "settled": "runs whose runner was dead or frozen, and whose end was written",
    "requeued": "runs that had not started or may be repeated, and were queued again",
    "lost": "runs whose runner vanished elsewhere",
    "expired": "runs whose queue time-out passed",
    "enqueued": "runs that the queue had forgotten",
    "ended": "families without a living row",
}


def clock(conn: Connection) -> datetime:
    """Postgres' time, the only one by which runs are judged."""
    row = conn.execute("SELECT now()").fetchone()
    assert row is not None
    now: datetime = row["now"]
    return now


def take(conn: Connection, holder: str, *, lease: float) -> bool:
    """Take or renew the watch for *lease* seconds. False while it is another's."""
    return (
        conn.execute(
            """UPDATE watch
                  SET holder = %(holder)s,
                      expires_at = now() + make_interval(secs => %(lease)s)
                WHERE holder = %(holder)s OR expires_at < now()""",
            {"holder": holder, "lease": lease},
        ).rowcount
        == 1
    )


def note(conn: Connection, watchdog: str, *, seconds: float, verdicts: Mapping[str, int]) -> None:
    """Add *verdicts* to those of all watchdogs; the round counts if *watchdog* has the watch."""
    conn.execute(
        """UPDATE watch
              SET rounds = rounds + coalesce(holder = %(watchdog)s, false)::int,
                  round_at = CASE WHEN holder = %(watchdog)s THEN now() ELSE round_at END,
                  round_seconds = CASE WHEN holder = %(watchdog)s
                                       THEN %(seconds)s ELSE round_seconds END,
                  verdicts = verdicts || coalesce(
                      (SELECT jsonb_object_agg(
                                  key, value::bigint + coalesce((verdicts->>key)::bigint, 0))
                         FROM jsonb_each_text(%(verdicts)s)), '{}')
            WHERE holder = %(watchdog)s OR %(verdicts)s <> '{}'::jsonb""",
        {"watchdog": watchdog, "seconds": seconds, "verdicts": Jsonb(dict(verdicts))},
    )


def leave(conn: Connection, holder: str) -> None:
    """Give the watch up."""
    conn.execute("UPDATE watch SET expires_at = now() WHERE holder = %s", [holder])
