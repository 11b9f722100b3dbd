"""The tasks of a run, and what came of each."""

from datetime import datetime
from typing import Literal, LiteralString, NamedTuple

from runner.store.connection import Connection

Order = Literal["number", "slowest"]


class StoredTask(NamedTuple):
    """A task that has begun, in one attempt of its run."""

    number: int
    attempt: int
    play: str
    name: str
    action: str
    #: File and line.
    path: str
    began_at: datetime
    #: When its last result came so far; None before the first.
    ended_at: datetime | None
    #: From the one to the other.
    seconds: float | None
    ok: int
    changed: int
    unreachable: int
    failed: int
    skipped: int
    rescued: int
    ignored: int
    #: How many results there are.
    hosts: int


SECONDS: LiteralString = "extract(epoch FROM ended_at - began_at)::float8"


def page(
    conn: Connection, run_id: int, *, order: Order, after: int, limit: int
) -> list[StoredTask]:
    """Up to *limit* tasks of a run, those behind the task *after*; 0 is before all."""
    if order == "number":
        tests: LiteralString = "number > %(after)s"
        places: LiteralString = "number"
    else:
        tests = f"""%(after)s = 0 OR (coalesce({SECONDS}, -1), -number) < (
                        SELECT coalesce({SECONDS}, -1), -number FROM run_tasks
                         WHERE run_id = %(run_id)s AND number = %(after)s)"""
        places = f"coalesce({SECONDS}, -1) DESC, number"
    rows = conn.execute(
        f"""SELECT number, attempt, play, name, action, path, began_at, ended_at,
                   {SECONDS} AS seconds, ok, changed, unreachable, failed, skipped, rescued,
                   ignored, hosts
              FROM run_tasks WHERE run_id = %(run_id)s AND ({tests})
             ORDER BY {places} LIMIT %(limit)s""",
        {"run_id": run_id, "after": after, "limit": limit},
    ).fetchall()
    return [StoredTask(**row) for row in rows]
