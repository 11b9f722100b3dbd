"""The runners table: who is there to take runs."""

from typing import Any

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
) -> None:
    """Tell that this runner is alive, what it holds families with, how many slots are taken."""
    conn.execute(
        """INSERT INTO runners (name, machine, boot, slots, busy, containment)
           VALUES (%(name)s, %(machine)s, %(boot)s, %(slots)s, %(busy)s, %(containment)s)
           ON CONFLICT (name) DO UPDATE SET busy = excluded.busy, beat_at = now()""",
        {
            "name": name,
            "machine": machine,
            "boot": boot,
            "slots": slots,
            "busy": busy,
            "containment": containment,
        },
    )


def leave(conn: Connection, name: str) -> None:
    """Forget a runner that has shut down, and those that left long ago without a word."""
    conn.execute(
        "DELETE FROM runners WHERE name = %s OR beat_at < now() - make_interval(secs => %s)",
        [name, KEEP],
    )


def alive(conn: Connection) -> list[dict[str, Any]]:
    """The runners that have beaten lately: name, machine, containment, slots, busy and times."""
    return conn.execute(
        """SELECT name, machine, containment, slots, busy, started_at, beat_at FROM runners
            WHERE beat_at > now() - make_interval(secs => %s) ORDER BY name""",
        [FRESH],
    ).fetchall()
