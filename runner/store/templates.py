"""The templates table."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg.errors import ForeignKeyViolation, RestrictViolation
from psycopg.types.json import Jsonb

from runner import uses
from runner.acceptance import Refused
from runner.errors import RunnerError
from runner.store import credentials, hooks, schedules
from runner.store.connection import Connection


class StoredTemplate(NamedTuple):
    """A template as it is kept."""

    name: str
    spec: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    updated_by: str


class TemplateInUse(RunnerError):
    """Something runs the template."""

    code = "template_in_use"

    def __init__(self, name: str, *, hooks: list[str], schedules: list[str]) -> None:
        """Say that these run *name*."""
        users = {"hooks": hooks, "schedules": schedules}
        told = " and ".join(
            f"the {kind} {', '.join(names)}" for kind, names in users.items() if names
        )
        super().__init__(f"{name} cannot be deleted: it is run by {told}")
        self.hooks = hooks
        self.schedules = schedules


COLUMNS = "name, spec, created_at, updated_at, updated_by"


def put(conn: Connection, name: str, spec: dict[str, Any], by: str) -> tuple[StoredTemplate, bool]:
    """Declare *name*, and tell whether it is new. Runs keep the template they were made of.

    Raise Refused when it uses a credential that is not there or not of the kind for it.
    """
    with conn.transaction():
        if faults := credentials.faults(conn, spec):
            raise Refused(faults)
        return restore(conn, name, spec, by)


def restore(
    conn: Connection, name: str, spec: dict[str, Any], by: str
) -> tuple[StoredTemplate, bool]:
    """Declare *name* as it was once, when its credentials may have been fit for it.

    They must be there.
    """
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
        credentials.note_uses(conn, name, uses.names(spec))
    is_new = row.pop("is_new")
    return StoredTemplate(**row), is_new


def find(conn: Connection, name: str) -> StoredTemplate | None:
    """The template called *name*."""
    row = conn.execute(f"SELECT {COLUMNS} FROM templates WHERE name = %s", [name]).fetchone()
    return StoredTemplate(**row) if row else None


def page(
    conn: Connection, *, after: str, limit: int, among: Sequence[str] | None = None
) -> list[StoredTemplate]:
    """Up to *limit* templates by name, those behind *after*; only *among* these names, if given."""
    rows = conn.execute(
        f"""SELECT {COLUMNS} FROM templates
             WHERE name > %(after)s AND (%(among)s::text[] IS NULL OR name = ANY(%(among)s))
             ORDER BY name LIMIT %(limit)s""",
        {"after": after, "limit": limit, "among": None if among is None else list(among)},
    ).fetchall()
    return [StoredTemplate(**row) for row in rows]


def names(conn: Connection) -> list[str]:
    """The names of all templates."""
    return [row["name"] for row in conn.execute("SELECT name FROM templates").fetchall()]


def delete(conn: Connection, name: str) -> bool:
    """Forget *name*; its runs stay. False if there was none. Raise TemplateInUse."""
    try:
        with conn.transaction():
            return conn.execute("DELETE FROM templates WHERE name = %s", [name]).rowcount == 1
    except (ForeignKeyViolation, RestrictViolation):  # which of them depends on Postgres' version
        raise TemplateInUse(
            name,
            hooks=hooks.of_template(conn, name),
            schedules=schedules.of_template(conn, name),
        ) from None
