"""Whose turn it is: which queued runs may be taken now, and why another may not."""

from typing import LiteralString, NamedTuple

from runner.concurrency import RANKS
from runner.run import Run
from runner.store.connection import Connection
from runner.store.runs import SELECT

#: A queued run that waits for nothing but its turn and a slot.
DUE: LiteralString = """state = 'queued'
    AND (queue_expires_at IS NULL OR queue_expires_at > now())
    AND (not_before IS NULL OR not_before <= now())
    AND approval IS DISTINCT FROM 'wanted'"""
MOST_HEADS = 1000  # of one group that are looked at; a limit is no more
MOST_GROUPS = 20_000  # heads that are looked at in a round: 30,000 take 1.2 seconds
MOST_COUNTED = 1000  # runs before one that are counted

#: The first runs of each group among `groups`, as many as it has room for.
_HEADS: LiteralString = f"""
    SELECT head.id FROM groups
      CROSS JOIN LATERAL (
          SELECT count(*) AS running FROM runs
           WHERE concurrency_group = groups.name AND state = 'running') AS held
      CROSS JOIN LATERAL (
          SELECT id, group_limit, row_number() OVER (ORDER BY priority DESC, id) AS place
            FROM (SELECT id, group_limit, priority FROM runs
                   WHERE concurrency_group = groups.name AND {DUE}
                   ORDER BY priority DESC, id LIMIT {MOST_HEADS}) AS first) AS head
     WHERE held.running + head.place <= head.group_limit"""


def ready_in_group(conn: Connection, group: str) -> list[Run]:
    """The queued runs whose turn it is in *group*, the first one first."""
    rows = conn.execute(
        f"""WITH groups AS (SELECT %s::text AS name)
            {SELECT} WHERE id IN ({_HEADS}) ORDER BY priority DESC, id""",
        [group],
    ).fetchall()
    return [Run.from_row(row) for row in rows]


class Ready(NamedTuple):
    """A queued run whose turn it is, and where it should wait in Redis."""

    id: int
    queue: str
    priority: int


def ready(conn: Connection, *, older_than: float, limit: int = 1000) -> list[Ready]:
    """The oldest queued runs whose turn it is, queued more than *older_than* seconds ago.

    Up to *limit* of each queue and priority: those of one that nobody serves, or that are taken
    last, would keep all others from being looked at.
    """
    rows = conn.execute(
        f"""WITH RECURSIVE groups AS (
                (SELECT concurrency_group AS name FROM runs
                  WHERE state = 'queued' AND concurrency_group IS NOT NULL
                  ORDER BY concurrency_group LIMIT 1)
                UNION ALL
                SELECT (SELECT concurrency_group FROM runs
                         WHERE state = 'queued' AND concurrency_group > groups.name
                         ORDER BY concurrency_group LIMIT 1)
                  FROM groups WHERE groups.name IS NOT NULL),
            queues AS (
                (SELECT queue AS name FROM runs
                  WHERE state = 'queued' AND concurrency_group IS NULL
                  ORDER BY queue LIMIT 1)
                UNION ALL
                SELECT (SELECT queue FROM runs
                         WHERE state = 'queued' AND concurrency_group IS NULL
                           AND queue > queues.name
                         ORDER BY queue LIMIT 1)
                  FROM queues WHERE queues.name IS NOT NULL),
            due AS (
                SELECT alone.id FROM queues CROSS JOIN unnest(%(ranks)s::smallint[]) AS rank
                 CROSS JOIN LATERAL (
                       SELECT id FROM runs
                        WHERE queue = queues.name AND priority = rank
                          AND concurrency_group IS NULL AND {DUE}
                        ORDER BY id LIMIT %(limit)s) AS alone
                UNION ALL
                ({_HEADS} LIMIT {MOST_GROUPS})),
            numbered AS (
                SELECT id, queue, priority,
                       row_number() OVER (PARTITION BY queue, priority ORDER BY id) AS place
                  FROM runs WHERE id IN (SELECT id FROM due)
                   AND queued_at < now() - make_interval(secs => %(older_than)s))
            SELECT id, queue, priority FROM numbered WHERE place <= %(limit)s ORDER BY id""",
        {"older_than": older_than, "limit": limit, "ranks": list(RANKS.values())},
    ).fetchall()
    return [Ready(**row) for row in rows]


def lock_group(conn: Connection, group: str) -> None:
    """Let one at a time decide who is in *group*, until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('group ' || %s, 0))", [group])


def running_in_group(conn: Connection, group: str) -> list[Run]:
    """Those of *group* that are running, the oldest first."""
    rows = conn.execute(
        f"{SELECT} WHERE concurrency_group = %s AND state = 'running' ORDER BY id", [group]
    ).fetchall()
    return [Run.from_row(row) for row in rows]


def first_in_group(conn: Connection, group: str, limit: int) -> list[int]:
    """The ids of those of *group* that run or wait, the oldest first."""
    rows = conn.execute(
        """SELECT id FROM runs
            WHERE concurrency_group = %(group)s AND state = 'running'
           UNION ALL
           (SELECT id FROM runs
             WHERE concurrency_group = %(group)s AND state = 'queued' ORDER BY id LIMIT %(limit)s)
           ORDER BY id LIMIT %(limit)s""",
        {"group": group, "limit": limit},
    ).fetchall()
    return [row["id"] for row in rows]


def newer_in_group(conn: Connection, group: str, run_id: int, limit: int) -> list[int]:
    """The ids of up to *limit* of *group* that run or wait and have come after *run_id*."""
    rows = conn.execute(
        """SELECT id FROM runs
            WHERE concurrency_group = %s AND state IN ('queued', 'running') AND id > %s
            ORDER BY id LIMIT %s""",
        [group, run_id, limit],
    ).fetchall()
    return [row["id"] for row in rows]


def ahead_in_group(conn: Connection, run: Run) -> tuple[list[int], list[int]]:
    """The runs of its group that hold it up: those that are running, and those before it."""
    row = conn.execute(
        f"""SELECT ARRAY(SELECT id FROM runs
                          WHERE concurrency_group = %(group)s AND state = 'running'
                          ORDER BY id) AS running,
                   ARRAY(SELECT id FROM runs
                          WHERE concurrency_group = %(group)s AND {DUE}
                            AND (priority > %(priority)s
                                 OR priority = %(priority)s AND id < %(run_id)s)
                          ORDER BY priority DESC, id LIMIT %(most)s) AS waiting""",
        {
            "group": run.concurrency_group,
            "priority": run.priority,
            "run_id": run.id,
            "most": MOST_COUNTED,
        },
    ).fetchone()
    assert row is not None
    return row["running"], row["waiting"]


def ahead_in_queue(conn: Connection, run: Run) -> list[int]:
    """The runs that are taken before it by the runners of its queue; up to MOST_COUNTED."""
    rows = conn.execute(
        f"""SELECT id FROM runs
             WHERE queue = %(queue)s AND concurrency_group IS NULL AND {DUE}
               AND (priority > %(priority)s OR priority = %(priority)s AND id < %(run_id)s)
             ORDER BY priority DESC, id LIMIT %(most)s""",
        {
            "queue": run.queue,
            "priority": run.priority,
            "run_id": run.id,
            "most": MOST_COUNTED,
        },
    ).fetchall()
    return [row["id"] for row in rows]
