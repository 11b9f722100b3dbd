"""Events on their way into Postgres: each batch once, by whoever has the run's lease."""

from collections.abc import Sequence
from typing import Final, LiteralString, NamedTuple

from psycopg.types.json import Jsonb

from runner.event_batch import Batch, Event
from runner.event_lines import Play, Result, Stats, Task, Warned
from runner.run import Run
from runner.store.connection import Connection
from runner.store.progress import Clock, add_tasks, count_hosts, count_tasks

IGNORED: Final = 8  # beside a Status, in the column `status`
RESCUED: Final = 16
FIELDS: LiteralString = "position, tasks_before, stored, dropped, has_begun, has_ended, is_torn"
#: Whether it was begun before, by us or by the runner that died.
AGAIN: LiteralString = "WHEN r.attempt = excluded.attempt"

#: An event with its id.
Numbered = tuple[int, Event]


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
    """Begin to read those of this attempt, or go on. None when the lease is another's.

    Tasks of a later attempt are numbered on; hosts are counted anew, as Ansible counts them.
    """
    with conn.transaction():
        row = conn.execute(
            f"""INSERT INTO run_reading AS r (run_id, attempt)
                SELECT id, attempt FROM runs
                 WHERE id = %(run_id)s AND lease_token = %(token)s AND attempt = %(attempt)s
                   FOR SHARE
                ON CONFLICT (run_id) DO UPDATE
                   SET attempt = excluded.attempt,
                       position = CASE {AGAIN} THEN r.position ELSE 0 END,
                       has_begun = CASE {AGAIN} THEN r.has_begun ELSE false END,
                       has_ended = CASE {AGAIN} THEN r.has_ended ELSE false END,
                       tasks_before = CASE {AGAIN} THEN r.tasks_before ELSE (
                           SELECT coalesce(max(number), 0) FROM run_tasks
                            WHERE run_tasks.run_id = excluded.run_id) END
                RETURNING {FIELDS}""",
            {"run_id": run.id, "token": run.lease_token, "attempt": run.attempt},
        ).fetchone()
        if row is None:
            return None
        if row["position"] == 0:
            _forget_hosts(conn, run.id)
    return Reading(**row)


def _forget_hosts(conn: Connection, run_id: int) -> None:
    """Count anew; their numbers stay, since results of earlier attempts name them so."""
    conn.execute(
        """UPDATE run_host_progress
              SET ok = 0, changed = 0, unreachable = 0, failed = 0, skipped = 0, rescued = 0,
                  ignored = 0, at_work = false, task = NULL, seconds = 0, at = NULL
            WHERE run_id = %s""",
        [run_id],
    )


def store(conn: Connection, run: Run, batch: Batch, limit: int) -> Reading | None:
    """Store *batch*, as far as there is room below *limit*. None when the lease is another's.

    Repeating a call whose answer was lost changes nothing.
    """
    with conn.transaction():
        row = conn.execute(
            f"""SELECT {FIELDS}, clock_timestamp() AS now
                  FROM run_reading JOIN runs ON runs.id = run_id
                 WHERE run_id = %(run_id)s AND lease_token = %(token)s
                   AND runs.attempt = run_reading.attempt
                   FOR SHARE OF runs FOR UPDATE OF run_reading""",
            {"run_id": run.id, "token": run.lease_token},
        ).fetchone()
        if row is None:
            return None
        now = row.pop("now")
        before = Reading(**row)
        if before.position == batch.end and batch.start != batch.end:
            return before  # the answer to our first try was lost
        if before.position != batch.start:
            return None
        room = max(0, limit - before.stored)
        if batch.events or batch.hosts or batch.tasks:
            _write(conn, run, before, batch, room, Clock(now))
        after = _move_on(conn, run, batch, min(room, len(batch.events)))
        if batch.is_last and after.dropped:
            _note_dropped(conn, run, after.dropped)
    return after


def _write(
    conn: Connection, run: Run, before: Reading, batch: Batch, room: int, clock: Clock
) -> None:
    base = before.tasks_before
    hosts = count_hosts(conn, run.id, base, batch.hosts, clock) if batch.hosts else {}
    if tasks := [event for event in batch.events if isinstance(event, Task)]:
        add_tasks(conn, run, base, tasks, clock)
    if batch.tasks:
        count_tasks(conn, run.id, base, batch.tasks, clock)
    events = batch.events[:room]
    if events:
        numbered = list(zip(_take_ids(conn, len(events)), events, strict=True))
        _copy_results(conn, run.id, base, numbered, hosts, clock)
        _copy_notes(conn, run, base, numbered, clock)


def _take_ids(conn: Connection, count: int) -> list[int]:
    """Take ids of run_events: in the order in which this run's moves and events are committed."""
    rows = conn.execute(
        """SELECT nextval(pg_get_serial_sequence('run_events', 'id')) AS id
             FROM generate_series(1, %s)""",
        [count],
    ).fetchall()
    return [row["id"] for row in rows]


def _copy_results(
    conn: Connection,
    run_id: int,
    base: int,
    numbered: Sequence[Numbered],
    hosts: dict[str, int],
    clock: Clock,
) -> None:
    with conn.cursor().copy(
        """COPY run_results (run_id, id, at, task, host, seconds, status, detail)
           FROM STDIN (FORMAT BINARY)"""
    ) as copy:
        copy.set_types(["int8", "int8", "timestamptz", "int4", "int4", "float4", "int2", "jsonb"])
        for number, event in numbered:
            if not isinstance(event, Result) or event.host not in hosts:
                continue
            status = event.status | IGNORED * event.is_ignored | RESCUED * event.is_rescued
            detail = Jsonb(event.detail) if event.detail else None
            place = (base + event.task, hosts[event.host])
            at = clock.at(event.at)
            copy.write_row((run_id, number, at, *place, event.seconds, status, detail))


def _copy_notes(
    conn: Connection, run: Run, base: int, numbered: Sequence[Numbered], clock: Clock
) -> None:
    with conn.cursor().copy(
        "COPY run_notes (run_id, id, at, kind, detail) FROM STDIN (FORMAT BINARY)"
    ) as copy:
        copy.set_types(["int8", "int8", "timestamptz", "text", "jsonb"])
        for number, event in numbered:
            if not isinstance(event, Result):
                kind, detail = _note(event, base)
                detail = {**detail, "attempt": run.attempt}
                copy.write_row((run.id, number, clock.at(event.at), kind, Jsonb(detail)))


def _note(event: Play | Task | Warned | Stats, base: int) -> tuple[str, dict[str, object]]:
    """Name an event that is no result, and say what is kept of it."""
    match event:
        case Play():
            return "play", {"number": event.number, "name": event.name}
        case Task():
            told = event._asdict()
            del told["at"]
            return "task", {**told, "number": base + event.number}
        case Warned():
            return event.kind, {"host": event.host, "task": base + event.task, "text": event.text}
        case Stats():
            return "stats", dict(event.sums)


def _move_on(conn: Connection, run: Run, batch: Batch, stored: int) -> Reading:
    """Note what was read, in the same transaction."""
    row = conn.execute(
        f"""UPDATE run_reading
              SET position = %(end)s, stored = stored + %(stored)s,
                  dropped = dropped + %(dropped)s, has_begun = has_begun OR %(has_begun)s,
                  has_ended = has_ended OR %(has_ended)s, is_torn = is_torn OR %(is_torn)s
            WHERE run_id = %(run_id)s
            RETURNING {FIELDS}""",
        {
            "run_id": run.id,
            "end": batch.end,
            "stored": stored,
            "dropped": len(batch.events) - stored,
            "has_begun": batch.has_begun,
            "has_ended": batch.has_ended,
            "is_torn": batch.is_torn,
        },
    ).fetchone()
    assert row is not None
    return Reading(**row)


def _note_dropped(conn: Connection, run: Run, dropped: int) -> None:
    """Say how many events there is no room for; once an attempt."""
    conn.execute(
        """INSERT INTO run_notes (run_id, id, at, kind, detail)
           SELECT %(run_id)s, nextval(pg_get_serial_sequence('run_events', 'id')),
                  clock_timestamp(), 'dropped',
                  jsonb_build_object('count', %(dropped)s::bigint, 'attempt', %(attempt)s::int)
            WHERE NOT EXISTS (
                  SELECT FROM run_notes
                   WHERE run_id = %(run_id)s AND kind = 'dropped'
                     AND (detail ->> 'attempt')::int = %(attempt)s)""",
        {"run_id": run.id, "dropped": dropped, "attempt": run.attempt},
    )
