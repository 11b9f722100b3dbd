"""What came in through hooks, and what was decided of it."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from runner.store.connection import Connection

#: Begins the key of a delivery that its sender has not numbered; see `note`.
DIGEST = "sha256:"
SAME_FOR = 86_400  # seconds in which a body without a number is the same delivery


class Delivery(NamedTuple):
    """One delivery about one ref."""

    id: int
    hook: str
    key: str
    ref: str
    received_at: datetime
    #: How often it came.
    times: int
    #: queued, ignored, refused, rejected; of chats also answered and denied.
    decision: str
    why: str | None
    event: dict[str, Any]
    run_id: int | None
    redelivery_of: int | None


class Kept(NamedTuple):
    """What a delivery is understood by, to do it again."""

    headers: dict[str, str]
    #: Compressed; None when it was not kept.
    content: bytes | None


class Noted(NamedTuple):
    """What a delivery is noted as."""

    hook: str
    key: str
    ref: str
    event: dict[str, Any]
    headers: dict[str, str]
    content: bytes | None
    redelivery_of: int | None = None
    #: Of the body, where it alone says what is the same.
    digest: str | None = None


COLUMNS = "id, hook, key, ref, received_at, times, decision, why, event, run_id, redelivery_of"


def note(conn: Connection, noted: Noted, decision: str, why: str | None) -> int | None:
    """Note a delivery and tell its id. None when it came before and has made a run: see `repeat`.

    One that made none is decided anew: its rules may be others by now. Until the transaction ends
    the same delivery waits wherever else it comes in.
    """
    row = conn.execute(
        """INSERT INTO deliveries AS old
               (hook, key, ref, decision, why, event, headers, content, redelivery_of,
                digest)
           VALUES (%(hook)s, %(key)s, %(ref)s, %(decision)s, %(why)s, %(event)s, %(headers)s,
                   %(content)s, %(redelivery_of)s, %(digest)s)
           ON CONFLICT (hook, key, ref) DO UPDATE
              SET decision = excluded.decision, why = excluded.why, event = excluded.event,
                  headers = excluded.headers, content = excluded.content, run_id = NULL,
                  digest = excluded.digest, received_at = now(), times = old.times + 1
            WHERE old.run_id IS NULL
               OR starts_with(old.key, %(unnumbered)s)
                  AND old.received_at < now() - make_interval(secs => %(same_for)s)
           RETURNING id""",
        {
            **noted._asdict(),
            "event": Jsonb(noted.event),
            "headers": Jsonb(noted.headers),
            "decision": decision,
            "why": why,
            "unnumbered": DIGEST,
            "same_for": SAME_FOR,
        },
    ).fetchone()
    return row["id"] if row else None


def repeat(conn: Connection, noted: Noted) -> Delivery:
    """Count a delivery that came again."""
    row = conn.execute(
        f"""UPDATE deliveries SET times = times + 1
             WHERE hook = %s AND key = %s AND ref = %s RETURNING {COLUMNS}""",
        [noted.hook, noted.key, noted.ref],
    ).fetchone()
    assert row is not None
    return Delivery(**row)


def twin(conn: Connection, noted: Noted, delivery: int) -> Delivery | None:
    """The delivery of the same body, under another number, that has made a run.

    Only within a transaction that has noted *delivery*: until it ends, others with that body wait.
    """
    if noted.digest is None:
        return None
    body = f"{noted.hook} {noted.ref} {noted.digest}"
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [body])
    row = conn.execute(
        f"""SELECT {COLUMNS} FROM deliveries
             WHERE hook = %s AND digest = %s AND ref = %s AND run_id IS NOT NULL AND id <> %s
             ORDER BY id LIMIT 1""",
        [noted.hook, noted.digest, noted.ref, delivery],
    ).fetchone()
    return Delivery(**row) if row else None


def decide(conn: Connection, delivery: int, decision: str, why: str | None) -> None:
    """Note otherwise what came of it; nothing has run."""
    conn.execute(
        "UPDATE deliveries SET decision = %s, why = %s WHERE id = %s", [decision, why, delivery]
    )


def count(conn: Connection, delivery: int) -> int:
    """Count one that is taken again by hand; tell how often it has come by now."""
    row = conn.execute(
        "UPDATE deliveries SET times = times + 1 WHERE id = %s RETURNING times", [delivery]
    ).fetchone()
    assert row is not None
    times: int = row["times"]
    return times


def settle(conn: Connection, delivery: int, run_id: int) -> None:
    """Note the run that came of it."""
    conn.execute(
        "UPDATE deliveries SET decision = 'queued', why = NULL, run_id = %s WHERE id = %s",
        [run_id, delivery],
    )


def find(conn: Connection, hook: str, delivery: int) -> Delivery | None:
    """The delivery of *hook* with this id."""
    row = conn.execute(
        f"SELECT {COLUMNS} FROM deliveries WHERE hook = %s AND id = %s", [hook, delivery]
    ).fetchone()
    return Delivery(**row) if row else None


def kept(conn: Connection, delivery: int) -> Kept:
    """What it is understood by."""
    row = conn.execute(
        "SELECT headers, content FROM deliveries WHERE id = %s", [delivery]
    ).fetchone()
    assert row is not None
    return Kept(**row)


def page(
    conn: Connection, hook: str, *, before: int | None, decision: str | None, limit: int
) -> list[Delivery]:
    """Up to *limit* deliveries of *hook*, the newest first, older than the delivery *before*."""
    rows = conn.execute(
        f"""SELECT {COLUMNS} FROM deliveries
             WHERE hook = %(hook)s AND (%(before)s::bigint IS NULL OR id < %(before)s)
               AND (%(decision)s::text IS NULL OR decision = %(decision)s)
             ORDER BY id DESC LIMIT %(limit)s""",
        {"hook": hook, "before": before, "decision": decision, "limit": limit},
    ).fetchall()
    return [Delivery(**row) for row in rows]


def forget(conn: Connection, *, days: int, limit: int) -> int:
    """Delete up to *limit* deliveries older than so many days; tell how many."""
    return conn.execute(
        """WITH old AS MATERIALIZED (
               SELECT id FROM deliveries WHERE received_at < now() - make_interval(days => %s)
                ORDER BY received_at LIMIT %s FOR UPDATE SKIP LOCKED)
           DELETE FROM deliveries USING old WHERE deliveries.id = old.id""",
        [days, limit],
    ).rowcount
