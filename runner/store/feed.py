"""What happened to a run in one order: moves, and what its playbook has told of itself."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, LiteralString, NamedTuple

from runner.store.connection import Connection
from runner.store.events import RunEvent
from runner.store.results import StoredResult, restored

#: Kinds of what a playbook tells, beside results.
NOTES: Final = ("play", "task", "warning", "deprecation", "stats", "dropped")
RESULT: Final = "result"
TOLD: Final = (*NOTES, RESULT)


class Note(NamedTuple):
    """What a playbook has told that is no result."""

    id: int
    at: datetime
    kind: str
    detail: dict[str, Any]


Event = RunEvent | Note | StoredResult


#: Each source of events, with the same columns: one statement sees one moment. Asked one after the
#: other, notes of a batch could be missed whose results are seen, and a follower is past them then.
SOURCES: Final[dict[str, LiteralString]] = {
    "notes": """
        (SELECT 'note' AS source, id, at, kind, detail, NULL AS state, NULL AS actor,
                NULL::int AS task, NULL AS host, NULL::real AS seconds, NULL::smallint AS status
           FROM run_notes
          WHERE run_id = %(run_id)s AND id > %(after)s AND kind = ANY(%(notes)s)
          ORDER BY id LIMIT %(limit)s)""",
    "results": """
        (SELECT 'result', r.id, r.at, NULL, r.detail, NULL, NULL, r.task, p.host, r.seconds,
                r.status
           FROM run_results AS r
           JOIN run_host_progress AS p ON p.run_id = r.run_id AND p.number = r.host
          WHERE r.run_id = %(run_id)s AND r.id > %(after)s
          ORDER BY r.id LIMIT %(limit)s)""",
    "moves": """
        (SELECT 'move', id, at, kind, detail, state, actor, NULL, NULL, NULL, NULL
           FROM run_events
          WHERE run_id = %(run_id)s AND id > %(after)s
            AND (kind = ANY(%(moves)s) OR 'move' = ANY(%(moves)s))
            AND (%(horizon)s::bigint IS NULL OR id <= %(horizon)s)
          ORDER BY id LIMIT %(limit)s)""",
}


def page(
    conn: Connection, run_id: int, *, kinds: Collection[str], after: int, limit: int
) -> list[Event]:
    """Up to *limit* events of these kinds in their order, those behind the event *after*.

    Whoever goes on behind the last of them misses none.
    """
    wanted = {
        "notes": [kind for kind in kinds if kind in NOTES],
        "results": [kind for kind in kinds if kind == RESULT],
        "moves": [kind for kind in kinds if kind not in TOLD],
    }
    sources = [SOURCES[name] for name, some in wanted.items() if some]
    if not sources:
        return []
    is_mixed = wanted["moves"] and len(sources) > 1
    horizon = _horizon(conn, run_id) if is_mixed else None
    rows = conn.execute(
        f"""SELECT * FROM ({" UNION ALL ".join(sources)}) AS _ (
                   source, id, at, kind, detail, state, actor, task, host, seconds, status)
             ORDER BY id LIMIT %(limit)s""",
        {**wanted, "run_id": run_id, "after": after, "limit": limit, "horizon": horizon},
    ).fetchall()
    return [_event(row) for row in rows]


def _horizon(conn: Connection, run_id: int) -> int | None:
    """Up to which move all that was told before it is committed, too.

    A batch takes its ids while it has the row of the reading, and no lock that a move would wait
    for: while one is under way a move with a bigger id may be committed first.
    """
    row = conn.execute(
        """WITH idle AS (
                SELECT FROM run_reading WHERE run_id = %(run_id)s FOR SHARE SKIP LOCKED)
           SELECT CASE WHEN EXISTS (SELECT FROM idle)
                         OR NOT EXISTS (SELECT FROM run_reading WHERE run_id = %(run_id)s)
                       THEN (SELECT max(id) FROM run_events WHERE run_id = %(run_id)s)
                       ELSE greatest(
                            0, (SELECT max(id) FROM run_notes WHERE run_id = %(run_id)s),
                            (SELECT max(id) FROM run_results WHERE run_id = %(run_id)s))
                  END AS horizon""",
        {"run_id": run_id},
    ).fetchone()
    return row["horizon"] if row else None


def _event(row: dict[str, Any]) -> Event:
    given = row.__getitem__
    match row["source"]:
        case "note":
            return Note(*map(given, Note._fields))
        case "move":
            return RunEvent(*map(given, RunEvent._fields))
    return restored(row)


def dropped(conn: Connection, run_id: int) -> int:
    """How many events of a run there was no room for, so far."""
    row = conn.execute("SELECT dropped FROM run_reading WHERE run_id = %s", [run_id]).fetchone()
    return row["dropped"] if row else 0
