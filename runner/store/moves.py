"""The moves of a run by the runner that holds it: one guarded statement each, its event with it.

A move that returns None lost a race: somebody else was first, and nothing was changed.
"""

from typing import Any, LiteralString, TypedDict

from psycopg.types.json import Jsonb

from runner.judge import Verdict
from runner.recap import columns
from runner.run import Run
from runner.store.connection import Connection
from runner.store.hosts import RESULTS
from runner.store.row import ROW

#: What ends a run: nothing of the lease stays, the directory is the runner's to remove.
RELEASE: LiteralString = """
    phase = NULL, lease_token = NULL, lease_expires_at = NULL, finished_at = now()"""

#: What puts a run back into the queue: nothing of this attempt stays, and its wait begins anew.
AGAIN: LiteralString = """
    state = 'queued', phase = NULL, lease_token = NULL, lease_expires_at = NULL,
    claimed_at = NULL, playing_at = NULL, directory = NULL, survivors = '[]',
    leader_pid = NULL, leader_created = NULL, keeper_pid = NULL,
    ends_soon_at = NULL, slow_at = NULL,
    queue_expires_at = now() + make_interval(
        secs => (spec ->> 'queue_timeout')::double precision)"""


#: What was incomplete in one attempt is so for good.
EVENTS: LiteralString = """
    events_complete = CASE WHEN events_complete IS FALSE THEN false
                           ELSE coalesce(%(events)s, events_complete) END"""


class Stored(TypedDict):
    """How much of what a run has told is stored."""

    #: Every byte of its output.
    complete: bool
    #: Not what was beyond the output's limit.
    truncated: bool
    #: Every event; None where there were none to tell.
    events: bool | None


def move(
    conn: Connection,
    update: LiteralString,
    kind: str,
    actor: str,
    detail: dict[str, Any],
    beside: LiteralString = "",
    **values: Any,
) -> Run | None:
    """Run *update*, note it as *kind* and write what is *beside* it: all or nothing."""
    row = conn.execute(
        f"""WITH moved AS ({update} RETURNING {ROW}),
                 noted AS (
                     INSERT INTO run_events (run_id, kind, state, actor, detail)
                     SELECT id, %(kind)s, state, %(actor)s, %(detail)s FROM moved){beside}
            SELECT * FROM moved""",
        {"kind": kind, "actor": actor, "detail": Jsonb(detail), **values},
    ).fetchone()
    return Run.from_row(row) if row else None


def register(
    conn: Connection, run: Run, *, leader: int, created: int, keeper: int, directory: str
) -> Run | None:
    """Record the leader that waits at the gate. The run returned tells if a stop was asked."""
    return move(
        conn,
        """UPDATE runs
              SET leader_pid = %(leader)s, leader_created = %(created)s, keeper_pid = %(keeper)s,
                  directory = %(directory)s
            WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s""",
        "started",
        str(run.runner),
        {"leader": leader, "keeper": keeper},
        run_id=run.id,
        token=run.lease_token,
        leader=leader,
        created=created,
        keeper=keeper,
        directory=directory,
    )


def prepared(
    conn: Connection, run: Run, *, playbook_sha: str, inventory_sha: str | None
) -> Run | None:
    """Record what was checked out."""
    return move(
        conn,
        """UPDATE runs SET playbook_sha = %(playbook_sha)s, inventory_sha = %(inventory_sha)s
            WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s""",
        "prepared",
        str(run.runner),
        {"playbook_sha": playbook_sha, "inventory_sha": inventory_sha},
        run_id=run.id,
        token=run.lease_token,
        playbook_sha=playbook_sha,
        inventory_sha=inventory_sha,
    )


def play(conn: Connection, run: Run, how: dict[str, Any]) -> Run | None:
    """preparing -> playing: the leader becomes ansible-playbook, as *how* it was started tells."""
    return move(
        conn,
        """UPDATE runs SET phase = 'playing', playing_at = now(), may_continue_on = NULL
            WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s""",
        "playing",
        str(run.runner),
        how,
        run_id=run.id,
        token=run.lease_token,
    )


def record_survivors(conn: Connection, run: Run, survivors: list[dict[str, Any]]) -> Run | None:
    """Name the members of the family that would not die; it stays running."""
    return move(
        conn,
        """UPDATE runs SET survivors = %(survivors)s
            WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s""",
        "survivors",
        str(run.runner),
        {"survivors": survivors},
        run_id=run.id,
        token=run.lease_token,
        survivors=Jsonb(survivors),
    )


def finish(
    conn: Connection,
    run: Run,
    verdict: Verdict,
    *,
    actor: str,
    complete: bool,
    truncated: bool,
    events: bool | None = None,
) -> Run | None:
    """running -> a final state. None if the lease is no longer the one that *run* tells.

    Call it only when the family is gone and the last byte of output is stored.
    """
    return move(
        conn,
        f"""UPDATE runs
               SET state = %(state)s, message = %(message)s, exit_code = %(exit_code)s,
                   stop_outcome = CASE
                       WHEN stop_requested_at IS NULL THEN NULL
                       WHEN %(state)s IN ('succeeded', 'failed') THEN 'too_late'
                       ELSE %(stop_outcome)s END,
                   stop_seconds = CASE WHEN %(state)s = 'stopped' THEN
                       extract(epoch FROM clock_timestamp() - stop_requested_at) END,
                   survivors = '[]', left_running = %(left_running)s,
                   may_continue_on = to_jsonb(%(may_continue_on)s::text[]),
                   host_count = %(host_count)s,
                   output_complete = %(complete)s AND coalesce(output_complete, true),
                   output_truncated = %(truncated)s OR output_truncated, {EVENTS}, {RELEASE}
             WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s""",
        str(verdict.state),
        actor,
        verdict.detail(),
        RESULTS if verdict.hosts else "",
        **columns(verdict.hosts or ()),
        host_count=None if verdict.hosts is None else len(verdict.hosts),
        run_id=run.id,
        token=run.lease_token,
        state=verdict.state,
        message=verdict.message,
        exit_code=verdict.exit_code,
        stop_outcome=verdict.stop_outcome,
        left_running=Jsonb(verdict.left_running),
        may_continue_on=verdict.may_continue_on,
        complete=complete,
        truncated=truncated,
        events=events,
    )


def release(conn: Connection, run: Run, *, actor: str, never_started: bool = False) -> Run | None:
    """running -> queued: nothing of it has run.

    None once its leader was registered, unless *never_started* says that it did not leave the
    gate; None when it has played, and None when a stop was asked for. Without the lease nobody can
    register a leader any more, so no gate will be opened.
    """
    return move(
        conn,
        f"""UPDATE runs SET attempt = attempt - 1, {AGAIN}
            WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s
              AND (leader_pid IS NULL OR %(never_started)s) AND phase = 'preparing'
              AND stop_requested_at IS NULL""",
        "released",
        actor,
        {},
        run_id=run.id,
        token=run.lease_token,
        never_started=never_started,
    )


def requeue(
    conn: Connection,
    run: Run,
    verdict: Verdict,
    *,
    actor: str,
    complete: bool,
    truncated: bool,
    events: bool | None = None,
) -> Run | None:
    """running -> queued: it was interrupted as *verdict* tells, and may be played again.

    What it was, and the commits that it used, stay; so does its output, behind which that of the
    next attempt begins. None when a stop was asked for. Only when its family is gone.
    """
    return move(
        conn,
        f"""UPDATE runs
              SET output_complete = nullif(%(complete)s AND coalesce(output_complete, true), true),
                  output_truncated = %(truncated)s OR output_truncated, {EVENTS},
                  may_continue_on = to_jsonb(%(may_continue_on)s::text[]), {AGAIN}
            WHERE id = %(run_id)s AND state = 'running' AND lease_token = %(token)s
              AND stop_requested_at IS NULL""",
        "requeued",
        actor,
        {**verdict.detail(), "attempt": run.attempt, "output_complete": complete},
        run_id=run.id,
        token=run.lease_token,
        may_continue_on=verdict.may_continue_on,
        complete=complete,
        truncated=truncated,
        events=events,
    )
