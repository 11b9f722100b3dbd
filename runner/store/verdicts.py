"""The moves of runs whose runner cannot make them: by the watchdog, and by a runner too late."""

from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from runner.run import Run
from runner.store.connection import Connection
from runner.store.moves import RELEASE, move
from runner.store.row import ROW


def lose(conn: Connection, run: Run, *, actor: str, message: str) -> Run | None:
    """running -> lost. None unless the lease that was seen is still there and has run out."""
    return move(
        conn,
        f"""UPDATE runs
               SET state = 'lost', message = %(message)s, output_complete = false,
                   events_complete = CASE WHEN playing_at IS NOT NULL THEN false
                                          ELSE events_complete END,
                   stop_outcome = NULL, {RELEASE}
             WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s
               AND lease_expires_at < now()""",
        "lost",
        actor,
        {"runner": run.runner, "machine": run.machine, "heartbeat_at": str(run.heartbeat_at)},
        run_id=run.id,
        token=run.lease_token,
        message=message,
    )


def expire(conn: Connection, *, actor: str) -> list[Run]:
    """queued -> failed for those that nobody approved of, or took, within their time."""
    rows = conn.execute(
        f"""WITH moved AS (
                UPDATE runs
                   SET state = 'failed', output_complete = coalesce(output_complete, true),
                       message = CASE WHEN approval = 'wanted'
                                      THEN 'nobody approved of it in time'
                                      ELSE 'no runner took it within its queue time-out' END,
                       {RELEASE}
                 WHERE state = 'queued' AND id IN (
                       SELECT id FROM runs
                        WHERE state = 'queued' AND queue_expires_at < now()
                          AND approval IS DISTINCT FROM 'wanted'
                       UNION ALL
                       SELECT id FROM runs
                        WHERE state = 'queued' AND approval = 'wanted'
                          AND approval_expires_at < now())
                   AND CASE WHEN approval = 'wanted' THEN approval_expires_at
                            ELSE queue_expires_at END < now()
                RETURNING {ROW}),
            noted AS (
                INSERT INTO run_events (run_id, kind, state, actor)
                SELECT id, 'failed', state, %(actor)s FROM moved)
            SELECT * FROM moved""",
        {"actor": actor},
    ).fetchall()
    return [Run.from_row(row) for row in rows]


def adopt(conn: Connection, run: Run, *, actor: str, token: UUID, lease: float) -> Run | None:
    """Take over the lease of a run whose holder is dead or frozen; the old one loses it.

    None unless the lease is still the one that was seen.
    """
    return move(
        conn,
        """UPDATE runs
              SET holder = %(holder)s, lease_token = %(token)s,
                  lease_expires_at = now() + make_interval(secs => %(lease)s)
            WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(seen)s""",
        "adopted",
        actor,
        {"from": run.runner},
        run_id=run.id,
        seen=run.lease_token,
        holder=actor,
        token=token,
        lease=lease,
    )


def keep(conn: Connection, run: Run, *, lease: float) -> Run | None:
    """Renew the lease of a run that is being settled. None if it is another's by now."""
    row = conn.execute(
        f"""UPDATE runs SET lease_expires_at = now() + make_interval(secs => %(lease)s)
             WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s
             RETURNING {ROW}""",
        {"run_id": run.id, "token": run.lease_token, "lease": lease},
    ).fetchone()
    return Run.from_row(row) if row else None


def note_stuck(conn: Connection, run: Run, *, actor: str) -> Run | None:
    """Note that a run is stuck stopping. None but for the first who finds it so."""
    return move(
        conn,
        """UPDATE runs SET stuck_at = now()
            WHERE id = %(run_id)s AND state = 'running' AND stop_requested_at IS NOT NULL
              AND stuck_at IS NULL""",
        "stuck",
        actor,
        {"runner": run.runner, "machine": run.machine, "survivors": len(run.survivors)},
        run_id=run.id,
    )


def record_late(conn: Connection, run: Run, result: dict[str, Any]) -> bool:
    """Keep beside a final row what its runner reported too late. Once; it changes nothing else.

    False for what was another attempt of *run*.
    """
    return (
        conn.execute(
            """WITH told AS (
                   UPDATE runs SET late_result = %(result)s
                    WHERE id = %(run_id)s AND late_result IS NULL AND attempt = %(attempt)s
                      AND state NOT IN ('queued', 'running')
                   RETURNING id, state, runner)
               INSERT INTO run_events (run_id, kind, state, actor, detail)
               SELECT id, 'late_result', state, runner, %(result)s FROM told""",
            {"run_id": run.id, "attempt": run.attempt, "result": Jsonb(result)},
        ).rowcount
        == 1
    )
