"""How far the tasks and the hosts of a run have come, while it plays: counted, not listed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from time import time
from typing import Any, Final

from psycopg.types.json import Jsonb

from runner.event_batch import Sum
from runner.event_lines import COUNTS, Task
from runner.run import Run
from runner.store.connection import Connection

HOSTS: Final = 100_000  # of one run; more are played on, and not told of


class Clock:
    """Turns times of the machine's clock into those of Postgres'."""

    def __init__(self, now: datetime) -> None:
        """It is *now* there."""
        self._now = now.timestamp()
        self._ahead = self._now - time()

    def at(self, told: float) -> datetime:
        """Read a time that somebody has told: nothing has happened later than now."""
        return datetime.fromtimestamp(min(told + self._ahead, self._now), UTC)


def _told(each: Sum, clock: Clock, **more: Any) -> dict[str, Any]:
    counts = dict(zip(COUNTS, each.counts, strict=True))
    return {**counts, **more, "at": clock.at(each.at).isoformat()}


def count_hosts(
    conn: Connection, run_id: int, tasks_before: int, sums: Mapping[str, Sum], clock: Clock
) -> dict[str, int]:
    """Add what was told of hosts; their numbers, by name."""
    told = [
        _told(
            each,
            clock,
            host=name,
            at_work=each.at_work,
            task=each.task and each.task + tasks_before,
            seconds=each.seconds,
        )
        for name, each in sums.items()
    ]
    rows = conn.execute(
        """WITH told AS (
               SELECT * FROM jsonb_to_recordset(%(told)s) AS _ (
                   host text, ok int, changed int, unreachable int, failed int, skipped int,
                   rescued int, ignored int, at_work bool, task int, seconds float8,
                   at timestamptz)),
           numbered AS (
               SELECT told.*, coalesce(known.number, last.number + row_number()
                          OVER (PARTITION BY known.number IS NULL)) AS number
                 FROM told
                 LEFT JOIN run_host_progress AS known
                   ON known.run_id = %(run_id)s AND known.host = told.host COLLATE "C",
                      (SELECT coalesce(max(number), 0) AS number FROM run_host_progress
                        WHERE run_id = %(run_id)s) AS last)
           INSERT INTO run_host_progress AS p (
               run_id, host, number, ok, changed, unreachable, failed, skipped, rescued, ignored,
               at_work, task, seconds, at)
           SELECT %(run_id)s, host, number, ok, changed, unreachable, failed, skipped, rescued,
                  ignored, coalesce(at_work, false), task, seconds, at
             FROM numbered WHERE number <= %(most)s
           ON CONFLICT (run_id, host) DO UPDATE
              SET ok = p.ok + excluded.ok, changed = p.changed + excluded.changed,
                  unreachable = p.unreachable + excluded.unreachable,
                  failed = p.failed + excluded.failed, skipped = p.skipped + excluded.skipped,
                  rescued = p.rescued + excluded.rescued, ignored = p.ignored + excluded.ignored,
                  at_work = excluded.at_work, task = coalesce(excluded.task, p.task),
                  seconds = p.seconds + excluded.seconds, at = excluded.at
           RETURNING host, number""",
        {
            "run_id": run_id,
            "most": HOSTS,
            "told": Jsonb(told),
        },
    ).fetchall()
    return {row["host"]: row["number"] for row in rows}


def add_tasks(
    conn: Connection, run: Run, tasks_before: int, tasks: Sequence[Task], clock: Clock
) -> None:
    """Add tasks that have begun."""
    conn.execute(
        """INSERT INTO run_tasks (run_id, attempt, number, play, name, action, path, began_at)
           SELECT %(run_id)s, %(attempt)s, told.* FROM unnest(
               %(number)s::int[], %(play)s::text[], %(name)s::text[], %(action)s::text[],
               %(path)s::text[], %(at)s::timestamptz[]) AS told
           ON CONFLICT DO NOTHING""",
        {
            "run_id": run.id,
            "attempt": run.attempt,
            "number": [task.number + tasks_before for task in tasks],
            "play": [task.play for task in tasks],
            "name": [task.name for task in tasks],
            "action": [task.action for task in tasks],
            "path": [task.path for task in tasks],
            "at": [clock.at(task.at) for task in tasks],
        },
    )


def count_tasks(
    conn: Connection, run_id: int, tasks_before: int, sums: Mapping[int, Sum], clock: Clock
) -> None:
    """Add what came of tasks, by their numbers."""
    told = [
        _told(each, clock, number=number + tasks_before, hosts=each.results)
        for number, each in sums.items()
    ]
    conn.execute(
        """UPDATE run_tasks AS t
              SET ok = t.ok + told.ok, changed = t.changed + told.changed,
                  unreachable = t.unreachable + told.unreachable, failed = t.failed + told.failed,
                  skipped = t.skipped + told.skipped, rescued = t.rescued + told.rescued,
                  ignored = t.ignored + told.ignored, hosts = t.hosts + told.hosts,
                  ended_at = greatest(t.began_at, told.at)
             FROM jsonb_to_recordset(%(told)s) AS told (
                  number int, ok int, changed int, unreachable int, failed int, skipped int,
                  rescued int, ignored int, hosts int, at timestamptz)
            WHERE t.run_id = %(run_id)s AND t.number = told.number""",
        {
            "run_id": run_id,
            "told": Jsonb(told),
        },
    )
