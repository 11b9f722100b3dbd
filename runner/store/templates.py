"""The templates table."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from runner import uses
from runner.store import credentials
from runner.store.connection import Connection
from runner.template import Refused


class StoredTemplate(NamedTuple):
    """A template as it is kept."""

    name: str
    spec: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    updated_by: str


COLUMNS = "name, spec, created_at, updated_at, updated_by"


def put(conn: Connection, name: str, spec: dict[str, Any], by: str) -> tuple[StoredTemplate, bool]:
    """Declare *name*, and tell whether it is new. Runs keep the template they were made of.

    Raise Refused when it uses a credential that is not there or not of the kind for it.
    """
    named = uses.names(spec)
    with conn.transaction():
        row = conn.execute(
            f"""INSERT INTO templates AS old (name, spec, updated_by)
                VALUES (%(name)s, %(spec)s, %(by)s)
                ON CONFLICT (name) DO UPDATE
                   SET spec = excluded.spec, updated_by = excluded.updated_by, updated_at = now()
                RETURNING {COLUMNS}, (xmax = 0) AS is_new""",
            {"name": name, "spec": Jsonb(spec), "by": by},
        ).fetchone()
        assert row is not None
        if faults := credentials.faults(conn, spec):
            raise Refused(faults)
        credentials.note_uses(conn, name, named)
    is_new = row.pop("is_new")
    return StoredTemplate(**row), is_new


def find(conn: Connection, name: str) -> StoredTemplate | None:
    """The template called *name*."""
    row = conn.execute(f"SELECT {COLUMNS} FROM templates WHERE name = %s", [name]).fetchone()
    return StoredTemplate(**row) if row else None


def page(conn: Connection, *, after: str, limit: int) -> list[StoredTemplate]:
    """Up to *limit* templates by name, those behind *after*."""
    rows = conn.execute(
        f"SELECT {COLUMNS} FROM templates WHERE name > %s ORDER BY name LIMIT %s", [after, limit]
    ).fetchall()
    return [StoredTemplate(**row) for row in rows]


def delete(conn: Connection, name: str) -> bool:
    """Forget *name*; its runs stay. False if there was none."""
    return conn.execute("DELETE FROM templates WHERE name = %s", [name]).rowcount == 1
