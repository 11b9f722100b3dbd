"""Sessions of browsers that were ended: what is not here is told by their cookies."""

from datetime import datetime

from runner.store.connection import Connection


def end(conn: Connection, session: str, until: datetime) -> None:
    """End a session that would have lasted *until* then."""
    conn.execute(
        "INSERT INTO ended_sessions (id, until) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [session, until],
    )


def is_ended(conn: Connection, session: str) -> bool:
    """Whether it was ended."""
    found = conn.execute("SELECT 1 FROM ended_sessions WHERE id = %s", [session]).fetchone()
    return found is not None


def forget(conn: Connection, *, limit: int) -> int:
    """Delete up to *limit* that would be over by now without that. How many."""
    return conn.execute(
        """WITH old AS MATERIALIZED (
               SELECT id FROM ended_sessions WHERE until < now()
                ORDER BY until LIMIT %s FOR UPDATE SKIP LOCKED)
           DELETE FROM ended_sessions USING old WHERE ended_sessions.id = old.id""",
        [limit],
    ).rowcount
