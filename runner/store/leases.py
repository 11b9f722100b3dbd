"""The leases of running runs: renewed by their runners, and found."""

from collections.abc import Sequence
from uuid import UUID

from runner.run import Run
from runner.store.connection import Connection
from runner.store.row import ROW


def renew(conn: Connection, tokens: Sequence[UUID], *, lease: float) -> dict[UUID, Run]:
    """Renew these leases. What is missing in the answer is held no longer."""
    rows = conn.execute(
        f"""UPDATE runs
              SET heartbeat_at = now(), lease_expires_at = now() + make_interval(secs => %(lease)s)
            WHERE lease_token = ANY(%(tokens)s) AND state = 'running'
            RETURNING {ROW}""",
        {"tokens": list(tokens), "lease": lease},
    ).fetchall()
    return {row["lease_token"]: Run.from_row(row) for row in rows}


def held_by(conn: Connection, runner: str) -> list[Run]:
    """The running runs whose lease *runner* has."""
    rows = conn.execute(
        f"SELECT {ROW} FROM runs WHERE state = 'running' AND holder = %s", [runner]
    ).fetchall()
    return [Run.from_row(row) for row in rows]
