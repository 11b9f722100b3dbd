"""How much room Postgres takes for what is stored."""

from typing import Final

from psycopg.errors import LockNotAvailable

from runner.store.connection import Connection, giving_way

PATIENCE: Final = 0.05  # seconds for a table that somebody rewrites or alters


def tables(conn: Connection) -> dict[str, int]:
    """Bytes of each table, with its indexes and what it has out of line.

    None of any while somebody has one for himself alone: whoever scrapes does not wait for that.
    """
    try:
        with giving_way(conn, PATIENCE):
            rows = conn.execute(
                """SELECT relname AS name, pg_total_relation_size(oid) AS bytes FROM pg_class
                    WHERE relkind = 'r' AND relnamespace = (
                              SELECT relnamespace FROM pg_class WHERE oid = 'runs'::regclass)"""
            ).fetchall()
    except LockNotAvailable:
        return {}
    return {row["name"]: row["bytes"] for row in rows}


def database(conn: Connection) -> int:
    """Bytes of the whole database."""
    row = conn.execute("SELECT pg_database_size(current_database()) AS bytes").fetchone()
    assert row is not None
    return int(row["bytes"])
