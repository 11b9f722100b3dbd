"""The hooks table. Knows no key: what is sealed stays so."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.errors import ForeignKeyViolation
from psycopg.types.json import Jsonb

from runner.acceptance import Refused
from runner.store.connection import Connection


class StoredHook(NamedTuple):
    """A hook as it is kept."""

    name: str
    sender: str
    template: str | None
    spec: dict[str, Any]
    #: Its secrets, encrypted.
    sealed: bytes | None
    created_at: datetime
    updated_at: datetime
    updated_by: str


COLUMNS = "name, sender, template, spec, sealed, created_at, updated_at, updated_by"


def put(
    conn: Connection, name: str, spec: dict[str, Any], sealed: bytes | None, by: str
) -> tuple[StoredHook, bool]:
    """Declare *name*, and tell whether it is new; *sealed* None keeps the secrets that there are.

    Raise Refused when its template is not there. Another sender needs secrets of its own.
    """
    try:
        row = conn.execute(
            f"""INSERT INTO hooks AS old (name, sender, template, spec, sealed, updated_by)
                VALUES (%(name)s, %(sender)s, %(template)s, %(spec)s, %(sealed)s, %(by)s)
                ON CONFLICT (name) DO UPDATE
                   SET sender = excluded.sender, template = excluded.template,
                       spec = excluded.spec, updated_by = excluded.updated_by, updated_at = now(),
                       sealed = coalesce(excluded.sealed,
                           CASE WHEN old.sender = excluded.sender THEN old.sealed END)
                RETURNING {COLUMNS}, (xmax = 0) AS is_new""",
            {
                "name": name,
                "sender": spec["sender"],
                "template": spec.get("template"),
                "spec": Jsonb(spec),
                "sealed": sealed,
                "by": by,
            },
        ).fetchone()
    except ForeignKeyViolation:
        raise Refused([("template", f"there is no template {spec['template']!r}")]) from None
    assert row is not None
    is_new = row.pop("is_new")
    return StoredHook(**row), is_new


def find(conn: Connection, name: str) -> StoredHook | None:
    """The hook called *name*."""
    row = conn.execute(f"SELECT {COLUMNS} FROM hooks WHERE name = %s", [name]).fetchone()
    return StoredHook(**row) if row else None


def page(
    conn: Connection, *, after: str, limit: int, of: Sequence[str] | None, chats: bool
) -> list[StoredHook]:
    """Up to *limit* hooks by name, those behind *after*: *of* these templates, None: of all.

    Those of *chats*, which run no template of their own, only if wanted.
    """
    rows = conn.execute(
        f"""SELECT {COLUMNS} FROM hooks
             WHERE name > %(after)s
               AND CASE WHEN template IS NULL THEN %(chats)s
                        ELSE %(of)s::text[] IS NULL OR template = ANY(%(of)s) END
             ORDER BY name LIMIT %(limit)s""",
        {"after": after, "limit": limit, "of": None if of is None else list(of), "chats": chats},
    ).fetchall()
    return [StoredHook(**row) for row in rows]


def of_template(conn: Connection, template: str) -> list[str]:
    """The names of the hooks that run *template*."""
    rows = conn.execute(
        "SELECT name FROM hooks WHERE template = %s ORDER BY name", [template]
    ).fetchall()
    return [row["name"] for row in rows]


def delete(conn: Connection, name: str) -> bool:
    """Forget *name*; what it has run stays, and so do its deliveries. False if there was none."""
    return conn.execute("DELETE FROM hooks WHERE name = %s", [name]).rowcount == 1
