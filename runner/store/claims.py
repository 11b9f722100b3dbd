"""The claim of a run: queued -> running, when it is due and its group has a slot for it."""

from typing import LiteralString
from uuid import UUID

import psycopg

from runner.run import Run
from runner.store.connection import Connection
from runner.store.moves import move
from runner.store.order import DUE

#: The index that no two running runs of a group have one slot in.
GROUP_SLOTS = "runs_in_group"
#: The lowest free slot of the run's group, if there is one for it behind those before it: what was
#: pushed first is not deployed last.
FREE_SLOT: LiteralString = f"""
    SELECT CASE WHEN (SELECT count(*) FROM runs AS held
                       WHERE held.state = 'running'
                         AND held.concurrency_group = one.concurrency_group)
                   + (SELECT count(*) FROM (
                         SELECT FROM runs
                          WHERE concurrency_group = one.concurrency_group AND {DUE}
                            AND (priority > one.priority
                                 OR priority = one.priority AND id < one.id)
                          ORDER BY priority DESC, id  -- those are the first of an index
                          LIMIT one.group_limit) AS ahead) < one.group_limit
                THEN (SELECT min(slot) FROM generate_series(1, one.group_limit) AS slot
                       WHERE NOT EXISTS (
                             SELECT FROM runs AS held
                              WHERE held.state = 'running' AND held.group_slot = slot
                                AND held.concurrency_group = one.concurrency_group)) END AS slot
      FROM runs AS one WHERE one.id = %(run_id)s"""


CLAIM = f"""UPDATE runs
              SET state = 'running', phase = 'preparing', claimed_at = now(), attempt = attempt + 1,
                  runner = %(runner)s, holder = %(runner)s, machine = %(machine)s, boot = %(boot)s,
                  lease_token = %(token)s, heartbeat_at = now(),
                  lease_expires_at = now() + make_interval(secs => %(lease)s),
                  group_slot = free.slot
             FROM ({FREE_SLOT}) AS free
            WHERE id = %(run_id)s AND {DUE}
              AND EXISTS (SELECT FROM maintenance WHERE paused_at IS NULL FOR SHARE)
              AND (concurrency_group IS NULL OR free.slot IS NOT NULL)"""


def claim(
    conn: Connection,
    run_id: int,
    *,
    runner: str,
    machine: str,
    boot: str,
    token: UUID,
    lease: float,
) -> Run | None:
    """queued -> running. None if it is not to be taken now.

    That is: it is queued no more, since it was stopped, has expired or is another's; its group has
    no room, or had none when two were claimed at once; nothing is taken during maintenance.
    """
    try:
        return move(
            conn,
            CLAIM,
            "claimed",
            runner,
            {"machine": machine},
            run_id=run_id,
            runner=runner,
            machine=machine,
            boot=boot,
            token=token,
            lease=lease,
        )
    except psycopg.errors.UniqueViolation as error:
        if error.diag.constraint_name != GROUP_SLOTS:
            raise
        return None
