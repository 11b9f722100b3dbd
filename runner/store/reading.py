"""Events on their way into Postgres: each batch once, by whoever has the run's lease.

Each step is one statement, sent at once. A transaction of several would be held open by a runner
that is frozen within it (SIGSTOP, a paused container), and with it a lock for which a stop or the
next reader would wait for ever. And none locks the run's row, which a stop writes to.
"""

import time
from typing import Any, Final, LiteralString, NamedTuple

from pydantic_core import to_json

from runner.event_batch import Batch, Event
from runner.event_lines import Play, Result, Stats, Task, Warned
from runner.run import Run
from runner.store.connection import Connection
from runner.store.progress import ADD_TASKS, COUNT_HOSTS, COUNT_TASKS, of_hosts, of_tasks

IGNORED: Final = 8  # beside a Status, in the column `status`
RESCUED: Final = 16
FIELDS: LiteralString = "position, tasks_before, stored, dropped, has_begun, has_ended, is_torn"
#: Whether it was begun before, by us or by the runner that died.
AGAIN: LiteralString = "WHEN r.attempt = excluded.attempt"


class Reading(NamedTuple):
    """How far a run's events have been read."""

    position: int
    tasks_before: int
    stored: int
    dropped: int
    has_begun: bool
    has_ended: bool
    is_torn: bool


def begin(conn: Connection, run: Run) -> Reading | None:
    """Begin to read those of this attempt, or go on: whoever has read before stores no more.

    None when the lease is another's. Tasks of a later attempt are numbered on. Hosts are counted
    anew, as Ansible counts them; their numbers stay, since results of earlier attempts name them.
    """
    row = conn.execute(
        f"""WITH begun AS (
                INSERT INTO run_reading AS r (run_id, attempt, reader)
                SELECT id, attempt, lease_token FROM runs
                 WHERE id = %(run_id)s AND lease_token = %(token)s AND attempt = %(attempt)s
                ON CONFLICT (run_id) DO UPDATE
                   SET attempt = excluded.attempt, reader = excluded.reader,
                       position = CASE {AGAIN} THEN r.position ELSE 0 END,
                       has_begun = CASE {AGAIN} THEN r.has_begun ELSE false END,
                       has_ended = CASE {AGAIN} THEN r.has_ended ELSE false END,
                       tasks_before = CASE {AGAIN} THEN r.tasks_before ELSE (
                           SELECT coalesce(max(number), 0) FROM run_tasks
                            WHERE run_tasks.run_id = excluded.run_id) END
                RETURNING {FIELDS}),
            forgotten AS (
                UPDATE run_host_progress
                   SET ok = 0, changed = 0, unreachable = 0, failed = 0, skipped = 0, rescued = 0,
                       ignored = 0, at_work = false, task = NULL, seconds = 0, at = NULL
                  FROM begun WHERE run_id = %(run_id)s AND begun.position = 0)
            SELECT * FROM begun""",
        {"run_id": run.id, "token": run.lease_token, "attempt": run.attempt},
    ).fetchone()
    return Reading(**row) if row else None


#: Moves on, if nobody else has: the row of our reading is what two readers would wait for.
MOVE_ON: LiteralString = f"""
    moved AS (
        UPDATE run_reading
           SET position = %(end)s, stored = stored + %(stored)s, dropped = dropped + %(dropped)s,
               has_begun = has_begun OR %(has_begun)s, has_ended = has_ended OR %(has_ended)s,
               is_torn = is_torn OR %(is_torn)s
         WHERE run_id = %(run_id)s AND reader = %(token)s AND position = %(start)s
           AND EXISTS (SELECT FROM runs WHERE id = %(run_id)s AND lease_token = %(token)s)
        RETURNING {FIELDS}, extract(epoch FROM statement_timestamp())::float8 AS now,
                  extract(epoch FROM statement_timestamp())::float8 - %(now)s AS ahead)"""

#: Ids of run_events, in the order of the events: taken once the row of the reading is ours.
TAKE_IDS: LiteralString = """
    ids AS MATERIALIZED (
        SELECT place, nextval(pg_get_serial_sequence('run_events', 'id')) AS id
          FROM moved, generate_series(0, %(places)s) AS place)"""

STORE_RESULTS: LiteralString = """
    results AS (
        INSERT INTO run_results (run_id, id, at, task, host, seconds, status, detail)
        SELECT %(run_id)s, id, to_timestamp(least(told_at + ahead, now)), task + tasks_before,
               hosts.number, seconds, status, detail::jsonb
          FROM moved, unnest(
                   %(result_place)s::int[], %(result_at)s::float8[], %(result_task)s::int[],
                   %(result_host)s::text[], %(result_seconds)s::float4[],
                   %(result_status)s::smallint[], %(result_detail)s::text[]) AS told (
                   place, told_at, task, host, seconds, status, detail)
          JOIN ids USING (place) JOIN hosts USING (host)
         ORDER BY id)"""

STORE_NOTES: LiteralString = """
    notes AS (
        INSERT INTO run_notes (run_id, id, at, kind, detail)
        SELECT %(run_id)s, id, to_timestamp(least(told_at + ahead, now)), kind,
               detail::jsonb || jsonb_build_object('attempt', %(attempt)s::int)
                   || CASE WHEN task IS NULL THEN '{}'
                           ELSE jsonb_build_object(task_key, task + tasks_before) END
          FROM moved, unnest(
                   %(note_place)s::int[], %(note_at)s::float8[], %(note_kind)s::text[],
                   %(note_task_key)s::text[], %(note_task)s::int[], %(note_detail)s::text[]
                   ) AS told (place, told_at, kind, task_key, task, detail)
          JOIN ids USING (place))"""

#: Says how many events there is no room for; once an attempt.
NOTE_DROPPED: LiteralString = """
    noted AS (
        INSERT INTO run_notes (run_id, id, at, kind, detail)
        SELECT %(run_id)s, id, to_timestamp(now), 'dropped',
               jsonb_build_object('count', dropped, 'attempt', %(attempt)s::int)
          FROM moved, ids
         WHERE %(is_last)s AND dropped > 0 AND place = %(places)s
           AND NOT EXISTS (
               SELECT FROM run_notes
                WHERE run_id = %(run_id)s AND kind = 'dropped'
                  AND (detail ->> 'attempt')::int = %(attempt)s))"""

PARTS = (
    MOVE_ON,
    TAKE_IDS,
    COUNT_HOSTS,
    ADD_TASKS,
    COUNT_TASKS,
    STORE_RESULTS,
    STORE_NOTES,
    NOTE_DROPPED,
)
STORE: LiteralString = f"WITH {','.join(PARTS)} SELECT {FIELDS} FROM moved"


def store(conn: Connection, run: Run, before: Reading, batch: Batch, limit: int) -> Reading | None:
    """Store *batch*, as far as there is room below *limit*. None when the lease is another's.

    *before* is how far it has been read. Repeating a call whose answer was lost changes nothing.
    """
    events = batch.events[: max(0, limit - before.stored)]
    row = conn.execute(
        STORE,
        {
            "run_id": run.id,
            "token": run.lease_token,
            "attempt": run.attempt,
            "now": time.time(),
            "start": batch.start,
            "end": batch.end,
            "stored": len(events),
            "dropped": len(batch.events) - len(events),
            "has_begun": batch.has_begun,
            "has_ended": batch.has_ended,
            "is_torn": batch.is_torn,
            "is_last": batch.is_last,
            "places": len(events),
            **of_hosts(batch.hosts),
            **of_tasks([each for each in batch.events if isinstance(each, Task)], batch.tasks),
            **_results(events),
            **_notes(events),
        },
    ).fetchone()
    return Reading(**row) if row else _stored_before(conn, run, batch)


def _stored_before(conn: Connection, run: Run, batch: Batch) -> Reading | None:
    """How far it has been read, if this very batch was stored and only the answer was lost."""
    row = conn.execute(
        f"""SELECT {FIELDS} FROM run_reading
             WHERE run_id = %(run_id)s AND reader = %(token)s AND position = %(end)s
               AND EXISTS (SELECT FROM runs WHERE id = %(run_id)s AND lease_token = %(token)s)""",
        {"run_id": run.id, "token": run.lease_token, "end": batch.end},
    ).fetchone()
    return Reading(**row) if row and batch.start != batch.end else None


def _columns(names: str, rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Turn rows into columns, by name."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(names.split())
    return dict(zip(names.split(), map(list, columns), strict=True))


def _results(events: list[Event]) -> dict[str, list[Any]]:
    """What STORE_RESULTS is given."""
    rows = [
        (
            place,
            event.at,
            event.task,
            event.host,
            event.seconds,
            event.status | IGNORED * event.is_ignored | RESCUED * event.is_rescued,
            to_json(event.detail).decode() if event.detail else None,
        )
        for place, event in enumerate(events)
        if isinstance(event, Result)
    ]
    names = "place at task host seconds status detail"
    return {f"result_{name}": values for name, values in _columns(names, rows).items()}


def _notes(events: list[Event]) -> dict[str, list[Any]]:
    """What STORE_NOTES is given."""
    rows = [
        (place, event.at, *_note(event))
        for place, event in enumerate(events)
        if not isinstance(event, Result)
    ]
    names = "place at kind task_key task detail"
    return {f"note_{name}": values for name, values in _columns(names, rows).items()}


def _note(event: Play | Task | Warned | Stats) -> tuple[str, str | None, int | None, str]:
    """Name an event that is no result; under what its task's number is kept, that, and the rest."""
    match event:
        case Play():
            kind, told = "play", {"number": event.number, "name": event.name}
        case Task():
            rest = event._asdict()
            del rest["at"], rest["number"]
            return "task", "number", event.number, to_json(rest).decode()
        case Warned():
            rest = {"host": event.host, "text": event.text}
            return event.kind, "task", event.task, to_json(rest).decode()
        case Stats():
            kind, told = "stats", {**event.sums, **({"set": dict(event.set)} if event.set else {})}
    return kind, None, None, to_json(told).decode()
