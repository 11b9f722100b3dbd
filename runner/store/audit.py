"""The audit: who did what, from where."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, LiteralString, NamedTuple

from psycopg.pq import TransactionStatus
from psycopg.types.json import Jsonb

from runner.store.connection import Connection

#: The action of whoever makes a run that repeats no other.
TRIGGER: Final = "run.trigger"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Something that somebody did."""

    actor: str
    action: str
    #: Such as "run 12", or "template deploy-web".
    target: str
    #: That it is about; None: about none.
    template: str | None = None
    #: Of whoever sent the request.
    address: str | None = None
    #: What their program calls itself, shortened.
    agent: str | None = None
    #: A declaration as it was, without secrets; None: there was none.
    before: Mapping[str, Any] | None = None
    #: And as it is.
    after: Mapping[str, Any] | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


class Deed(NamedTuple):
    """Who makes a run, and how: noted by the statement that makes it."""

    actor: str
    action: str
    address: str | None
    agent: str | None
    detail: Mapping[str, Any]


class StoredEntry(NamedTuple):
    """An entry as it is kept."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    template: str | None
    address: str | None
    agent: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    detail: dict[str, Any]


COLUMNS = "id, at, actor, action, target, template, address, agent, before, after, detail"


#: Notes a Deed, in the statement that has made a run as `made`.
NOTE_MADE: LiteralString = """
    audited AS (
        INSERT INTO audit (actor, action, target, template, address, agent, detail)
        SELECT %(actor)s, %(action)s, 'run ' || id, template, %(address)s, %(agent)s, %(detail)s
          FROM made WHERE %(action)s::text IS NOT NULL)"""


def of_deed(deed: Deed | None) -> dict[str, Any]:
    """Give NOTE_MADE its values; None notes nothing."""
    if deed is None:
        return dict.fromkeys(Deed._fields)
    return deed._asdict() | {"detail": Jsonb(deed.detail)}


def write(conn: Connection, entry: Entry) -> None:
    """Write *entry* in the transaction under way: what it tells happens with it, or not at all."""
    assert conn.info.transaction_status is TransactionStatus.INTRANS
    conn.execute(
        """INSERT INTO audit (actor, action, target, template, address, agent, before, after,
                              detail)
           VALUES (%(actor)s, %(action)s, %(target)s, %(template)s, %(address)s, %(agent)s,
                   %(before)s, %(after)s, %(detail)s)""",
        {
            **vars(entry),
            "before": None if entry.before is None else Jsonb(entry.before),
            "after": None if entry.after is None else Jsonb(entry.after),
            "detail": Jsonb(entry.detail),
        },
    )


def hold(conn: Connection, target: str) -> None:
    """Let one at a time change *target*, so that what was before is what was, until the end."""
    digest = hashlib.sha256(target.encode("utf-8", "replace")).digest()  # of any text, NUL too
    conn.execute(
        "SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], "big", signed=True)]
    )


def page(
    conn: Connection,
    *,
    limit: int,
    before: int | None = None,
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[StoredEntry]:
    """Up to *limit* entries, the newest first, older than the entry *before*."""
    tests = ["true"]
    if before is not None:
        tests.append("id < %(before)s")
    if actor is not None:
        tests.append("actor = %(actor)s")
    if action is not None:
        tests.append("action = %(action)s")
    if target is not None:
        tests.append("target = %(target)s")
    if since is not None:
        tests.append("at >= %(since)s")
    if until is not None:
        tests.append("at < %(until)s")
    rows = conn.execute(
        f"""SELECT {COLUMNS} FROM audit WHERE {" AND ".join(tests)}
             ORDER BY id DESC LIMIT %(limit)s""",
        {
            "limit": limit,
            "before": before,
            "actor": actor,
            "action": action,
            "target": target,
            "since": since,
            "until": until,
        },
    ).fetchall()
    return [StoredEntry(**row) for row in rows]


def forget(conn: Connection, *, days: int, limit: int) -> int:
    """Delete up to *limit* that are older than so many days. How many."""
    return conn.execute(
        """WITH old AS MATERIALIZED (
               SELECT id FROM audit WHERE at < now() - make_interval(days => %s)
                ORDER BY at LIMIT %s FOR UPDATE SKIP LOCKED)
           DELETE FROM audit USING old WHERE audit.id = old.id""",
        [days, limit],
    ).rowcount
