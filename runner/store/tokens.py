"""The tokens table. Knows no key: it has digests, and the sealed key that they were made with."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from runner.store.connection import Connection


class StoredToken(NamedTuple):
    """A token as it is kept, without its digest."""

    name: str
    id: str
    rights: list[str]
    #: Globs; none: all, and what belongs to no template.
    templates: list[str]
    created_at: datetime
    created_by: str
    #: None: never.
    expires_at: datetime | None
    #: To a minute; None: never.
    last_used_at: datetime | None

    def told(self) -> dict[str, Any]:
        """What the audit has of it."""
        expires_at = self.expires_at.isoformat() if self.expires_at else None
        return {"rights": self.rights, "templates": self.templates, "expires_at": expires_at}


class Presented(NamedTuple):
    """What a token that somebody sends is compared with."""

    token: StoredToken
    digest: bytes
    #: What the digest was made with, encrypted.
    sealed_key: bytes


class Wanted(NamedTuple):
    """A token that is to be."""

    name: str
    id: str
    digest: bytes
    rights: Sequence[str]
    templates: Sequence[str]
    expires_at: datetime | None


COLUMNS = "name, id, rights, templates, created_at, created_by, expires_at, last_used_at"


def insert(conn: Connection, wanted: Wanted, by: str) -> StoredToken | None:
    """Keep a token. None when there is one of that name."""
    row = conn.execute(
        f"""INSERT INTO tokens (name, id, digest, rights, templates, expires_at, created_by)
            VALUES (%(name)s, %(id)s, %(digest)s, %(rights)s, %(templates)s, %(expires_at)s, %(by)s)
            ON CONFLICT (name) DO NOTHING RETURNING {COLUMNS}""",
        {
            **wanted._asdict(),
            "rights": list(wanted.rights),
            "templates": list(wanted.templates),
            "by": by,
        },
    ).fetchone()
    return StoredToken(**row) if row else None


def restore(conn: Connection, wanted: Wanted, by: str) -> StoredToken:
    """Keep a token that was made *by* somebody before, in the place of the one of that name."""
    conn.execute("DELETE FROM tokens WHERE name = %s", [wanted.name])
    stored = insert(conn, wanted, by)
    assert stored is not None  # its name was made free, and nobody else may take it: declared.hold
    return stored


def delete(conn: Connection, name: str) -> StoredToken | None:
    """Revoke *name*, and tell what it was. None if there was none."""
    row = conn.execute(f"DELETE FROM tokens WHERE name = %s RETURNING {COLUMNS}", [name]).fetchone()
    return StoredToken(**row) if row else None


def find(conn: Connection, name: str) -> StoredToken | None:
    """The token called *name*."""
    row = conn.execute(f"SELECT {COLUMNS} FROM tokens WHERE name = %s", [name]).fetchone()
    return StoredToken(**row) if row else None


def presented(conn: Connection, token_id: str) -> Presented | None:
    """The token with this id, and what tells whether somebody has it."""
    row = conn.execute(
        f"""SELECT {COLUMNS}, digest, sealed AS sealed_key
              FROM tokens CROSS JOIN (SELECT sealed FROM token_key) AS key
             WHERE id = %s""",
        [token_id],
    ).fetchone()
    if row is None:
        return None
    digest, sealed_key = row.pop("digest"), row.pop("sealed_key")
    return Presented(StoredToken(**row), digest, sealed_key)


def page(conn: Connection, *, after: str, limit: int) -> list[StoredToken]:
    """Up to *limit* tokens by name, those behind *after*."""
    rows = conn.execute(
        f"SELECT {COLUMNS} FROM tokens WHERE name > %s ORDER BY name LIMIT %s", [after, limit]
    ).fetchall()
    return [StoredToken(**row) for row in rows]


def note_use(conn: Connection, token_id: str, *, every: float) -> None:
    """Note that the token was used, unless that was noted in the last *every* seconds."""
    conn.execute(
        """UPDATE tokens SET last_used_at = now()
            WHERE id = %s
              AND (last_used_at IS NULL OR last_used_at < now() - make_interval(secs => %s))""",
        [token_id, every],
    )


def keep_key(conn: Connection, sealed: bytes) -> bytes:
    """Keep the *sealed* key of all digests unless there is one; the one that there is then."""
    conn.execute("INSERT INTO token_key (sealed) VALUES (%s) ON CONFLICT DO NOTHING", [sealed])
    row = conn.execute("SELECT sealed FROM token_key").fetchone()
    assert row is not None
    kept: bytes = row["sealed"]
    return kept


def replace_key(conn: Connection, sealed: bytes) -> None:
    """Keep another key of all digests: those that were made with the one before are nobody's."""
    conn.execute(
        """INSERT INTO token_key (sealed) VALUES (%s)
           ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed""",
        [sealed],
    )
