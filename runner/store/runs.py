"""Runs as they are made and found. Lists are in runner.store.lists, moves in runner.store.moves."""

from collections.abc import Iterable
from typing import Any

from psycopg.types.json import Jsonb

from runner.concurrency import DEFAULT_QUEUE, Priority, group_of
from runner.run import Run
from runner.store.audit import NOTE_MADE, Deed, of_deed
from runner.store.connection import Connection
from runner.store.row import ROW, STORED
from runner.wanted import Wanted

#: Every column of a run, and whether what it says of processes may be trusted.
SELECT = f"""
    SELECT {STORED}, coalesce(state = 'running' AND lease_expires_at < now(), false) AS stale
      FROM runs"""


def insert(conn: Connection, wanted: Wanted, deed: Deed | None = None) -> Run | None:
    """-> queued. None when its caller has used the idempotency key before: see find_by_key.

    *deed* goes to the audit with it, in the one statement that this is.
    """
    row = conn.execute(
        f"""WITH made AS (
               INSERT INTO runs (template, spec, accepted, secrets, overrides, trigger,
                                 triggered_by, reason, idempotency_key, request_digest,
                                 rerun_of, only_hosts, playbook_sha, inventory_sha,
                                 hook, schedule, reply, traceparent, queue, priority,
                                 concurrency_group, group_limit, retry_of, retry_number,
                                 chained_from, chain_depth, chain_root, approval,
                                 approval_expires_at, approved_at, approved_by, not_before,
                                 queue_expires_at)
               VALUES (%(template)s, %(spec)s, %(accepted)s, %(secrets)s, %(overrides)s,
                       %(trigger)s, %(by)s, %(reason)s, %(idempotency_key)s, %(request_digest)s,
                       %(rerun_of)s, %(only_hosts)s, %(playbook_sha)s, %(inventory_sha)s,
                       %(hook)s, %(schedule)s, %(reply)s, %(traceparent)s, %(queue)s, %(priority)s,
                       %(group)s, %(limit)s, %(retry_of)s, %(retry_number)s,
                       %(chained_from)s, %(chain_depth)s, %(chain_root)s, %(approval)s,
                       now() + make_interval(secs => %(approval_timeout)s),
                       CASE WHEN %(approved_by)s::text IS NOT NULL THEN now() END, %(approved_by)s,
                       now() + make_interval(secs => %(delay)s),
                       now() + make_interval(secs => %(queue_timeout)s
                                                     + coalesce(%(delay)s, 0)))
               ON CONFLICT (triggered_by, idempotency_key) WHERE idempotency_key IS NOT NULL
               DO NOTHING
               RETURNING {ROW}),
           noted AS (
               INSERT INTO run_events (run_id, kind, state, actor, detail)
               SELECT id, 'queued', state, triggered_by,
                      jsonb_strip_nulls(jsonb_build_object(
                          'trigger', trigger, 'reason', reason, 'rerun_of', rerun_of,
                          'after', chained_from))
                 FROM made
               UNION ALL
               SELECT id, 'approval', state, triggered_by,
                      jsonb_build_object('rights', spec -> 'approval' -> 'rights')
                 FROM made WHERE approval = 'wanted'),
           {NOTE_MADE}
           SELECT * FROM made""",
        {
            **of_deed(deed),
            **vars(wanted),
            "spec": Jsonb(wanted.spec),
            "accepted": Jsonb(wanted.accepted),
            "overrides": Jsonb(wanted.overrides),
            "only_hosts": Jsonb(wanted.only_hosts) if wanted.only_hosts else None,
            "hook": Jsonb(wanted.hook) if wanted.hook else None,
            "schedule": Jsonb(wanted.schedule) if wanted.schedule else None,
            "queue_timeout": wanted.spec.get("queue_timeout"),
            **_order(wanted),
        },
    ).fetchone()
    return Run.from_row(row) if row else None


def _order(wanted: Wanted) -> dict[str, Any]:
    """When it is taken, and by whom, as its template has it. Raise Unnamed."""
    group = group_of(wanted.spec, wanted.accepted)
    return {
        "queue": wanted.spec.get("queue", DEFAULT_QUEUE),
        "priority": Priority(wanted.spec.get("priority", Priority.NORMAL)).rank,
        "group": group,
        "limit": None if group is None else wanted.spec["concurrency"]["limit"],
        **_approval(wanted),
    }


def _approval(wanted: Wanted) -> dict[str, Any]:
    approval = wanted.spec.get("approval")
    if approval is None:
        return {"approval": None, "approval_timeout": None, "approved_by": None}
    is_given = wanted.approved_by is not None
    return {
        "approval": "given" if is_given else "wanted",
        "approval_timeout": None if is_given else approval["timeout"],
    }


def find(conn: Connection, run_id: int) -> Run | None:
    """The run with this id."""
    row = conn.execute(f"{SELECT} WHERE id = %s", [run_id]).fetchone()
    return Run.from_row(row) if row else None


def find_by_key(conn: Connection, by: str, idempotency_key: str) -> Run | None:
    """The run for which *by* first used the idempotency key."""
    row = conn.execute(
        f"{SELECT} WHERE triggered_by = %s AND idempotency_key = %s", [by, idempotency_key]
    ).fetchone()
    return Run.from_row(row) if row else None


def template_names(conn: Connection) -> list[str]:
    """The names of all templates that there are runs of, those that are gone too."""
    # One look into the index for each name, not at each run; Postgres does not do it by itself.
    rows = conn.execute(
        """WITH RECURSIVE names AS (
               (SELECT template FROM runs ORDER BY template LIMIT 1)
               UNION ALL
               SELECT (SELECT template FROM runs WHERE template > names.template
                        ORDER BY template LIMIT 1)
                 FROM names WHERE names.template IS NOT NULL)
           SELECT template FROM names WHERE template IS NOT NULL"""
    ).fetchall()
    return [row["template"] for row in rows]


def find_many(conn: Connection, run_ids: Iterable[int]) -> list[Run]:
    """Those of these runs that there are."""
    rows = conn.execute(f"{SELECT} WHERE id = ANY(%s)", [list(run_ids)]).fetchall()
    return [Run.from_row(row) for row in rows]


def running_among(conn: Connection, run_ids: Iterable[int]) -> set[int]:
    """Those of these runs that are running."""
    rows = conn.execute(
        "SELECT id FROM runs WHERE id = ANY(%s) AND state = 'running'", [list(run_ids)]
    ).fetchall()
    return {row["id"] for row in rows}


def holders_on(conn: Connection, machine: str, boot: str) -> set[str]:
    """Who has the leases of the runs that are running on one machine in one boot."""
    rows = conn.execute(
        """SELECT DISTINCT holder FROM runs
            WHERE state = 'running' AND machine = %s AND boot = %s""",
        [machine, boot],
    ).fetchall()
    return {row["holder"] for row in rows}


def running_on(
    conn: Connection, machine: str, boot: str, *, unless_held_by: Iterable[str] = ()
) -> list[Run]:
    """The running runs of one machine in one boot, without those that one of these really holds."""
    rows = conn.execute(
        f"""{SELECT} WHERE state = 'running' AND machine = %s AND boot = %s
               AND (holder <> ALL(%s) OR lease_expires_at < now())""",
        [machine, boot, list(unless_held_by)],
    ).fetchall()
    return [Run.from_row(row) for row in rows]


def stale(conn: Connection) -> list[Run]:
    """The running runs whose lease has run out."""
    rows = conn.execute(f"{SELECT} WHERE state = 'running' AND lease_expires_at < now()").fetchall()
    return [Run.from_row(row) for row in rows]


def live_of_template(conn: Connection, template: str) -> Run | None:
    """The oldest run of *template* that waits or runs."""
    row = conn.execute(
        f"""{SELECT} WHERE template = %s AND state IN ('queued', 'running')
             ORDER BY id LIMIT 1""",
        [template],
    ).fetchone()
    return Run.from_row(row) if row else None


def installation(conn: Connection) -> str:
    """The mark of this Curtain: 8 hex digits, others for a copy of its database."""
    row = conn.execute(
        """SELECT substr(md5(concat_ws('/', mark, datname, pg_database.oid)), 1, 8) AS mark
             FROM installation, pg_database WHERE datname = current_database()"""
    ).fetchone()
    assert row is not None
    return str(row["mark"])
