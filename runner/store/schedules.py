"""The schedules table. Knows no key and no calendar: when one is due it is told."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from psycopg.errors import ForeignKeyViolation
from psycopg.types.json import Jsonb

from runner.acceptance import Refused
from runner.due import Times
from runner.store.connection import Connection

Outcome = Literal["fired", "skipped", "failed"]


class StoredSchedule(NamedTuple):
    """A schedule as it is kept."""

    name: str
    template: str
    #: All of it but its secret variables.
    spec: dict[str, Any]
    #: What those are called.
    secret_vars: list[str]
    #: They themselves, encrypted.
    sealed: bytes | None
    #: The next due time; None while it is paused, and when there is none.
    next_at: datetime | None
    #: The same with its jitter.
    fire_at: datetime | None
    #: The last due time that was seen, when that was, and what became of it.
    last_at: datetime | None
    last_seen_at: datetime | None
    last_outcome: Outcome | None
    last_why: str | None
    last_run: int | None
    created_at: datetime
    updated_at: datetime
    updated_by: str


COLUMNS = ", ".join(StoredSchedule._fields)


def hold(conn: Connection, name: str) -> tuple[StoredSchedule | None, datetime]:
    """Let nobody move *name* on until the transaction ends. Tell also what time it is then."""
    row = conn.execute(
        f"SELECT {COLUMNS} FROM schedules WHERE name = %s FOR UPDATE", [name]
    ).fetchone()
    # Not now(), which is when the transaction began: what was due since then may have been run.
    clock = conn.execute("SELECT clock_timestamp() AS now").fetchone()
    assert clock is not None
    return StoredSchedule(**row) if row else None, clock["now"]


class Kept(NamedTuple):
    """What a schedule says, as it is kept."""

    #: All of it but its secret variables.
    spec: dict[str, Any]
    #: What those are called.
    secret_vars: list[str]
    #: They themselves, encrypted; None when there are none.
    sealed: bytes | None


def put(
    conn: Connection, name: str, kept: Kept, times: Times, by: str
) -> tuple[StoredSchedule, bool]:
    """Declare *name*, and tell whether it is new. Raise Refused when its template is not there."""
    try:
        row = conn.execute(
            f"""INSERT INTO schedules
                       (name, template, spec, secret_vars, sealed, next_at, fire_at, updated_by)
                VALUES (%(name)s, %(template)s, %(spec)s, %(secret_vars)s, %(sealed)s,
                        %(next_at)s, %(fire_at)s, %(by)s)
                ON CONFLICT (name) DO UPDATE
                   SET template = excluded.template, spec = excluded.spec,
                       secret_vars = excluded.secret_vars, sealed = excluded.sealed,
                       next_at = excluded.next_at, fire_at = excluded.fire_at,
                       updated_by = excluded.updated_by, updated_at = now()
                RETURNING {COLUMNS}, (xmax = 0) AS is_new""",
            {
                "name": name,
                "template": kept.spec["template"],
                **kept._asdict(),
                "spec": Jsonb(kept.spec),
                **times._asdict(),
                "by": by,
            },
        ).fetchone()
    except ForeignKeyViolation:
        absent = f"there is no template {kept.spec['template']!r}"
        raise Refused([("template", absent)]) from None
    assert row is not None
    is_new = row.pop("is_new")
    return StoredSchedule(**row), is_new


def find(conn: Connection, name: str) -> StoredSchedule | None:
    """The schedule called *name*."""
    row = conn.execute(f"SELECT {COLUMNS} FROM schedules WHERE name = %s", [name]).fetchone()
    return StoredSchedule(**row) if row else None


def page(
    conn: Connection, *, after: str, limit: int, of: Sequence[str] | None
) -> list[StoredSchedule]:
    """Up to *limit* schedules by name, those behind *after*: *of* these templates, None: of all."""
    rows = conn.execute(
        f"""SELECT {COLUMNS} FROM schedules
             WHERE name > %(after)s AND (%(of)s::text[] IS NULL OR template = ANY(%(of)s))
             ORDER BY name LIMIT %(limit)s""",
        {"after": after, "limit": limit, "of": None if of is None else list(of)},
    ).fetchall()
    return [StoredSchedule(**row) for row in rows]


def of_template(conn: Connection, template: str) -> list[str]:
    """The names of the schedules that run *template*."""
    rows = conn.execute(
        "SELECT name FROM schedules WHERE template = %s ORDER BY name", [template]
    ).fetchall()
    return [row["name"] for row in rows]


def delete(conn: Connection, name: str) -> bool:
    """Forget *name*; what it has run stays. False if there was none."""
    return conn.execute("DELETE FROM schedules WHERE name = %s", [name]).rowcount == 1


def due(conn: Connection, *, limit: int) -> list[StoredSchedule]:
    """Up to *limit* schedules with a due time that is to be run now, the longest due first."""
    rows = conn.execute(
        f"""SELECT {COLUMNS} FROM schedules
             WHERE fire_at <= now() ORDER BY fire_at, name LIMIT %s""",
        [limit],
    ).fetchall()
    return [StoredSchedule(**row) for row in rows]


def move_on(conn: Connection, seen: StoredSchedule, times: Times) -> bool:
    """next_at -> the following one. False if it was moved on, changed or deleted since *seen*.

    Who moves it on, and nobody else, makes the run; in the same transaction.
    """
    moved = conn.execute(
        """UPDATE schedules SET next_at = %(next_at)s, fire_at = %(fire_at)s
            WHERE name = %(name)s AND next_at = %(due)s AND updated_at = %(updated_at)s""",
        {
            **times._asdict(),
            "name": seen.name,
            "due": seen.next_at,
            "updated_at": seen.updated_at,
        },
    )
    return moved.rowcount == 1


def note(
    conn: Connection, seen: StoredSchedule, outcome: Outcome, *, why: str | None, run: int | None
) -> None:
    """Note what became of the due time that it was *seen* with."""
    conn.execute(
        """UPDATE schedules
              SET last_at = %(due)s, last_seen_at = now(), last_outcome = %(outcome)s,
                  last_why = %(why)s, last_run = %(run)s
            WHERE name = %(name)s""",
        {"due": seen.next_at, "outcome": outcome, "why": why, "run": run, "name": seen.name},
    )
