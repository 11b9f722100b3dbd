"""The runners table: who is there to take runs."""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from runner.store.connection import Connection

FRESH = 30  # seconds since its last beat in which a runner counts as alive
KEEP = 86_400  # seconds until a runner that left is forgotten


def beat(
    conn: Connection,
    name: str,
    *,
    machine: str,
    boot: str,
    slots: int,
    busy: int,
    containment: str,
    disks: Mapping[str, Mapping[str, int]],
    queues: tuple[str, ...] = ("default",),
    short_of_memory: bool = False,
    missing: Sequence[str] = (),
) -> None:
    """Tell that this runner is alive, what it holds families with, how many slots are taken.

    And how full its *disks* are, see runner.disks.
    """
    conn.execute(
        """INSERT INTO runners (name, machine, boot, slots, busy, containment, queues,
                                short_of_memory, missing, disks)
           VALUES (%(name)s, %(machine)s, %(boot)s, %(slots)s, %(busy)s, %(containment)s,
                   %(queues)s, %(short_of_memory)s, %(missing)s, %(disks)s)
           ON CONFLICT (name) DO UPDATE
              SET busy = excluded.busy, short_of_memory = excluded.short_of_memory,
                  missing = excluded.missing, disks = excluded.disks, beat_at = now()""",
        {
            "name": name,
            "machine": machine,
            "boot": boot,
            "slots": slots,
            "busy": busy,
            "containment": containment,
            "queues": list(queues),
            "short_of_memory": short_of_memory,
            "missing": list(missing),
            "disks": Jsonb(disks),
        },
    )


def leave(conn: Connection, name: str) -> None:
    """Forget a runner that has shut down, and those that left long ago without a word."""
    conn.execute(
        "DELETE FROM runners WHERE name = %s OR beat_at < now() - make_interval(secs => %s)",
        [name, KEEP],
    )


def alive(conn: Connection) -> list[dict[str, Any]]:
    """The runners that have beaten lately, as the table has them."""
    return conn.execute(
        """SELECT name, machine, containment, slots, busy, started_at, beat_at, queues,
                  short_of_memory, missing, drained_at, drained_by, drain_reason
             FROM runners
            WHERE beat_at > now() - make_interval(secs => %s) ORDER BY name""",
        [FRESH],
    ).fetchall()


def drain(conn: Connection, name: str, *, by: str, reason: str | None) -> bool:
    """Have a runner take no more; who has begun it stays. False if there is no such runner."""
    return bool(
        conn.execute(
            """UPDATE runners
                  SET drained_at = coalesce(drained_at, now()),
                      drained_by = coalesce(drained_by, %(by)s),
                      drain_reason = coalesce(%(reason)s, drain_reason)
                WHERE name = %(name)s""",
            {"name": name, "by": by, "reason": reason},
        ).rowcount
    )


def undrain(conn: Connection, name: str) -> bool:
    """Have it take runs again. False if there is no such runner."""
    return bool(
        conn.execute(
            """UPDATE runners SET drained_at = NULL, drained_by = NULL, drain_reason = NULL
                WHERE name = %s""",
            [name],
        ).rowcount
    )
