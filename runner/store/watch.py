"""Which watchdog looks after all machines, by a lease that a frozen one loses."""

from runner.store.connection import Connection


def take(conn: Connection, holder: str, *, lease: float) -> bool:
    """Take or renew the watch for *lease* seconds. False while it is another's."""
    return (
        conn.execute(
            """UPDATE watch
                  SET holder = %(holder)s, round_at = now(),
                      expires_at = now() + make_interval(secs => %(lease)s)
                WHERE holder = %(holder)s OR expires_at < now()""",
            {"holder": holder, "lease": lease},
        ).rowcount
        == 1
    )


def leave(conn: Connection, holder: str) -> None:
    """Give the watch up."""
    conn.execute("UPDATE watch SET expires_at = now() WHERE holder = %s", [holder])
