"""What came of each task on each host of a run."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, LiteralString, NamedTuple

from psycopg.rows import tuple_row

from runner.event_lines import Status
from runner.store.connection import Connection
from runner.store.reading import IGNORED, RESCUED

WHICH = IGNORED - 1  # the bits of a Status
NAMES = [status.name.lower() for status in Status]


class StoredResult(NamedTuple):
    """What came of one task on one host."""

    id: int
    at: datetime
    task: int
    host: str
    status: str
    ignored: bool
    rescued: bool
    seconds: float | None
    #: items, attempts, message, diff: those that there are.
    detail: dict[str, Any]


class Cell(NamedTuple):
    """A result in short, written as JSON by Postgres: a table of a run takes thousands."""

    id: int
    json: str


def cells(
    conn: Connection,
    run_id: int,
    *,
    after: int,
    limit: int,
    task: int | None = None,
    host: str | None = None,
    statuses: Collection[str] = (),
) -> list[Cell]:
    """Up to *limit* results of a run in their order, those behind the event *after*."""
    tests: list[LiteralString] = ["r.run_id = %(run_id)s", "r.id > %(after)s"]
    if task is not None:
        tests.append("r.task = %(task)s")
    if host is not None:
        tests.append(
            """r.host = (SELECT number FROM run_host_progress
                          WHERE run_id = %(run_id)s AND host = %(host)s)"""
        )
    wanted = [Status[status.upper()] for status in statuses]
    if wanted:
        tests.append("r.status & 7 = ANY(%(statuses)s)")
    if wanted and min(wanted) >= Status.FAILED:
        tests.append("r.status & 7 >= 3")  # as their index has it
    with conn.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(
            f"""SELECT cell.id, row_to_json(cell)::text
                  FROM (SELECT r.id, r.task, p.host,
                               (%(names)s::text[])[(r.status & 7) + 1] AS status,
                               r.status & 8 > 0 AS ignored, r.seconds,
                               r.detail -> 'items' AS items, r.detail -> 'message' AS message
                          FROM run_results AS r
                          JOIN run_host_progress AS p
                            ON p.run_id = r.run_id AND p.number = r.host
                         WHERE {" AND ".join(tests)} ORDER BY r.id LIMIT %(limit)s) AS cell""",
            {
                "run_id": run_id,
                "names": NAMES,
                "after": after,
                "task": task,
                "host": host,
                "statuses": [int(status) for status in wanted],
                "limit": limit,
            },
        ).fetchall()
    return [Cell(*row) for row in rows]


def restored(row: dict[str, Any]) -> StoredResult:
    """Read a row's bits."""
    bits = row["status"]
    return StoredResult(
        id=row["id"],
        at=row["at"],
        task=row["task"],
        host=row["host"],
        status=NAMES[bits & WHICH],
        ignored=bool(bits & IGNORED),
        rescued=bool(bits & RESCUED),
        seconds=row["seconds"],
        detail=row["detail"] or {},
    )
