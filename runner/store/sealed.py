"""Everything that is kept encrypted, whatever it is, for who gives it another key."""

from typing import LiteralString, NamedTuple

from runner.store.connection import Connection


class Place(NamedTuple):
    """A column with sealed values."""

    #: What one row is called.
    what: str
    table: LiteralString
    #: Tells the rows apart, and orders them.
    key: LiteralString
    column: LiteralString
    #: Comes before every key.
    start: str | int


class Sealed(NamedTuple):
    """One row's value."""

    key: str | int
    value: bytes


CREDENTIALS = Place("credential", "credentials", "name", "sealed", "")
HOOKS = Place("hook", "hooks", "name", "sealed", "")
SCHEDULES = Place("schedule", "schedules", "name", "sealed", "")
SECRETS = Place("run", "runs", "id", "secrets", 0)
REPLIES = Place("chat answer", "runs", "id", "reply", 0)
TOKEN_KEY = Place("token key", "token_key", "id", "sealed", 0)
#: All that there are.
PLACES = (CREDENTIALS, HOOKS, SCHEDULES, SECRETS, REPLIES, TOKEN_KEY)


def batch(conn: Connection, place: Place, *, after: str | int, limit: int) -> list[Sealed]:
    """Up to *limit* sealed values of *place*, those whose keys come behind *after*."""
    rows = conn.execute(
        f"""SELECT {place.key} AS key, {place.column} AS value FROM {place.table}
             WHERE {place.key} > %s AND {place.column} IS NOT NULL
             ORDER BY {place.key} LIMIT %s""",
        [after, limit],
    ).fetchall()
    return [Sealed(**row) for row in rows]


def replace(conn: Connection, place: Place, old: Sealed, value: bytes) -> bool:
    """Seal one row's value anew. False if it is not the *old* one any more, or gone."""
    # One row a statement: a beat renews many runs at once, and would deadlock with many at once.
    moved = conn.execute(
        f"UPDATE {place.table} SET {place.column} = %s WHERE {place.key} = %s"
        f" AND {place.column} = %s",
        [value, old.key, old.value],
    )
    return moved.rowcount == 1
