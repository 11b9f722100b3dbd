"""Asking runs to stop, and who was asked."""

from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg.types.json import Jsonb

from runner.run import Run
from runner.store.connection import Connection
from runner.store.row import ROW
from runner.store.runs import SELECT


def request_stop(
    conn: Connection, run_id: int, *, by: str, reason: str | None, force: bool
) -> Run | None:
    """queued -> stopped; a running one is asked to stop, or more forcefully than before.

    None if that changes nothing: no such run, it is final, or the same was asked before.
    """
    # One UPDATE for both states: when a claim comes in between, Postgres evaluates all of it
    # again on the claimed row. As two it lost 723 of 1,500 stops fired together with a claim.
    row = conn.execute(
        f"""WITH asked AS (
               UPDATE runs
                  SET state = CASE WHEN state = 'queued' THEN 'stopped' ELSE state END,
                      finished_at = CASE WHEN state = 'queued' THEN now() END,
                      output_complete = CASE WHEN state = 'queued'
                                             THEN coalesce(output_complete, true)
                                             ELSE output_complete END,
                      stop_outcome = CASE WHEN state = 'queued' THEN 'never_started' END,
                      stop_seconds = CASE WHEN state = 'queued' THEN 0 END,
                      message = CASE WHEN state = 'queued' THEN
                          concat('stopped by ', %(by)s::text, ' before it was started',
                                 CASE WHEN attempt > 0 THEN ' again' END,
                                 ': ' || %(reason)s::text) END,
                      stop_requested_at = coalesce(stop_requested_at, now()),
                      stop_requested_by = coalesce(stop_requested_by, %(by)s),
                      stop_reason = CASE WHEN stop_requested_at IS NULL
                                         THEN %(reason)s ELSE stop_reason END,
                      force_requested_at = CASE WHEN %(force)s THEN now() END,
                      force_requested_by = CASE WHEN %(force)s THEN %(by)s END
                WHERE id = %(run_id)s
                  AND (state = 'queued'
                       OR state = 'running'
                          AND (stop_requested_at IS NULL
                               OR (%(force)s AND force_requested_at IS NULL)))
               RETURNING {ROW}),
           noted AS (
               INSERT INTO run_events (run_id, kind, state, actor, detail)
               SELECT id, CASE WHEN state = 'stopped' THEN 'stopped'
                               WHEN %(force)s THEN 'force_requested' ELSE 'stop_requested' END,
                      state, %(by)s,
                      jsonb_strip_nulls(jsonb_build_object('reason', %(reason)s::text))
                 FROM asked)
           SELECT * FROM asked""",
        {"run_id": run_id, "by": by, "reason": reason, "force": force},
    ).fetchone()
    return Run.from_row(row) if row else None


def lock_waiting(conn: Connection, template: str) -> None:
    """Let one at a time decide which runs of *template* wait, until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('waiting ' || %s, 0))", [template])


def supersede(conn: Connection, run: Run, *, by: str) -> list[Run]:
    """queued -> stopped for the older pushes to the ref of *run* that wait for its template.

    Those of its hook and repository: another's, of the same branch, wants something else. None that
    was approved of, while *run* may yet be denied. Only within a transaction that has locked them.
    """
    told = run.hook or {}
    return _give_way(
        conn,
        run,
        """template = %(template)s AND hook ->> 'ref' = %(ref)s
           AND hook @> %(same)s AND hook IS NOT NULL AND id < %(run_id)s
           AND (approval IS DISTINCT FROM 'given' OR NOT %(wants_approval)s)""",
        by=by,
        template=run.template,
        wants_approval=run.approval == "wanted",
        ref=told.get("ref"),
        same=Jsonb({name: told.get(name) for name in ("name", "event", "repository")}),
    )


def supersede_in_group(conn: Connection, run: Run, *, by: str) -> list[Run]:
    """queued -> stopped for the older ones of its group that wait.

    Only within a transaction that has locked the group.
    """
    where: LiteralString = "concurrency_group = %(group)s AND id < %(run_id)s"
    return _give_way(conn, run, where, by=by, group=run.concurrency_group)


def _give_way(
    conn: Connection, run: Run, where: LiteralString, *, by: str, **values: Any
) -> list[Run]:
    """queued -> stopped for those whose place *run* takes."""
    rows = conn.execute(
        f"""WITH moved AS (
               UPDATE runs
                  SET state = 'stopped', finished_at = now(), stop_outcome = 'never_started',
                      output_complete = coalesce(output_complete, true), stop_seconds = 0,
                      stop_requested_at = now(), stop_requested_by = %(by)s,
                      stop_reason = %(reason)s, message = %(reason)s
                WHERE state = 'queued' AND {where}
               RETURNING {ROW}),
           noted AS (
               INSERT INTO run_events (run_id, kind, state, actor, detail)
               SELECT id, 'stopped', state, %(by)s,
                      jsonb_build_object('reason', %(reason)s::text, 'superseded_by', %(run_id)s)
                 FROM moved)
           SELECT * FROM moved""",
        {
            "by": by,
            "reason": f"run {run.id} took its place",
            "run_id": run.id,
            **values,
        },
    ).fetchall()
    return [Run.from_row(row) for row in rows]


def stop_flags(conn: Connection, run_ids: Sequence[int]) -> list[Run]:
    """Those of these runs that somebody has asked to stop."""
    rows = conn.execute(
        f"""SELECT {ROW} FROM runs
            WHERE id = ANY(%s) AND stop_requested_at IS NOT NULL""",
        [list(run_ids)],
    ).fetchall()
    return [Run.from_row(row) for row in rows]


def under_way(conn: Connection) -> list[Run]:
    """The running runs that somebody has asked to stop."""
    rows = conn.execute(
        f"{SELECT} WHERE state = 'running' AND stop_requested_at IS NOT NULL ORDER BY id"
    ).fetchall()
    return [Run.from_row(row) for row in rows]
