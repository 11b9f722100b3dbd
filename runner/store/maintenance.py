"""Whether runs are taken: by nobody while all is paused, not by a runner that is drained."""

from dataclasses import dataclass
from datetime import datetime

from runner.store.connection import Connection


@dataclass(frozen=True, kw_only=True)
class Pause:
    """Nothing is taken from the queue by any runner."""

    paused_at: datetime
    paused_by: str
    reason: str | None


def find(conn: Connection) -> Pause | None:
    """The pause that there is now."""
    row = conn.execute(
        "SELECT paused_at, paused_by, reason FROM maintenance WHERE paused_at IS NOT NULL"
    ).fetchone()
    return Pause(**row) if row else None


def pause(conn: Connection, *, by: str, reason: str | None) -> Pause:
    """Have nothing taken; who has begun it, and when, stays when it is said again.

    Whoever has committed it knows that no claim is under way, and that none succeeds any more.
    """
    conn.execute(
        """UPDATE maintenance
              SET paused_at = coalesce(paused_at, now()), paused_by = coalesce(paused_by, %(by)s),
                  reason = coalesce(%(reason)s, reason)""",
        {"by": by, "reason": reason},
    )
    found = find(conn)
    assert found is not None
    return found


def resume(conn: Connection) -> None:
    """Have runs taken again."""
    conn.execute("UPDATE maintenance SET paused_at = NULL, paused_by = NULL, reason = NULL")


def is_held(conn: Connection, runner: str) -> bool:
    """Whether *runner* shall take no runs."""
    row = conn.execute(
        """SELECT EXISTS (SELECT FROM maintenance WHERE paused_at IS NOT NULL)
               OR EXISTS (SELECT FROM runners
                           WHERE name = %s AND drained_at IS NOT NULL) AS held""",
        [runner],
    ).fetchone()
    assert row is not None
    return bool(row["held"])
