"""The history of runs. Moves write theirs in their own statement; this is for the rest."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from runner.run import Run
from runner.store.connection import Connection


class RunEvent(NamedTuple):
    """Something that happened to a run."""

    id: int
    at: datetime
    #: What happened: queued, claimed, started, stop_requested, signalled, stopped, …
    kind: str
    #: The run's state after it.
    state: str
    #: Who made it happen: a caller, a runner or the watchdog.
    actor: str
    detail: dict[str, Any]


def append(conn: Connection, run_id: int, kind: str, actor: str, detail: dict[str, Any]) -> None:
    """Note what happened without moving the run."""
    conn.execute(
        """INSERT INTO run_events (run_id, kind, state, actor, detail)
           SELECT id, %(kind)s, state, %(actor)s, %(detail)s FROM runs WHERE id = %(run_id)s""",
        {"run_id": run_id, "kind": kind, "actor": actor, "detail": Jsonb(detail)},
    )


def append_held(conn: Connection, run: Run, kind: str, detail: dict[str, Any]) -> None:
    """Note what its runner has seen of *run*, unless the lease has become another's."""
    conn.execute(
        """INSERT INTO run_events (run_id, kind, state, actor, detail)
           SELECT id, %(kind)s, state, runner, %(detail)s FROM runs
            WHERE id = %(run_id)s AND lease_token = %(token)s""",
        {"run_id": run.id, "token": run.lease_token, "kind": kind, "detail": Jsonb(detail)},
    )


def page(conn: Connection, run_id: int, *, after: int, limit: int) -> list[RunEvent]:
    """Up to *limit* events of a run in their order, those behind the event *after*."""
    rows = conn.execute(
        """SELECT id, at, kind, state, actor, detail FROM run_events
            WHERE run_id = %s AND id > %s ORDER BY id LIMIT %s""",
        [run_id, after, limit],
    ).fetchall()
    return [RunEvent(**row) for row in rows]
