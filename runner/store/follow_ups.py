"""Ends of runs after which something may have to be done, and what the playbook has handed on."""

from typing import Any

from psycopg.types.json import Jsonb

from runner.run import Run
from runner.store.connection import Connection
from runner.store.runs import SELECT

AGAIN = 60  # seconds until what could not be done is tried again


def take(conn: Connection) -> Run | None:
    """Take the next one, within a transaction: it is there again if that fails."""
    row = conn.execute(
        f"""WITH taken AS (
                DELETE FROM follow_ups WHERE run_id = (
                    SELECT run_id FROM follow_ups WHERE due_at <= now()
                     ORDER BY due_at FOR UPDATE SKIP LOCKED LIMIT 1)
                RETURNING run_id)
            {SELECT} WHERE id = (SELECT run_id FROM taken)"""
    ).fetchone()
    return Run.from_row(row) if row else None


def take_turns(conn: Connection) -> None:
    """Let one at a time make several runs, until the transaction ends: they lock their groups."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('several follow-ups', 0))")


def put_off(conn: Connection, run_id: int) -> None:
    """Leave one for later that could not be done now."""
    conn.execute(
        "UPDATE follow_ups SET due_at = now() + make_interval(secs => %s) WHERE run_id = %s",
        [AGAIN, run_id],
    )


def first_due(conn: Connection) -> int | None:
    """The run that would be taken next, unless somebody has it in hand."""
    row = conn.execute(
        "SELECT run_id FROM follow_ups WHERE due_at <= now() ORDER BY due_at LIMIT 1"
    ).fetchone()
    return row["run_id"] if row else None


def note(conn: Connection, run: Run, kind: str, detail: dict[str, Any], actor: str) -> None:
    """Write into the history of a final run what came after it."""
    conn.execute(
        """INSERT INTO run_events (run_id, kind, state, actor, detail)
           VALUES (%s, %s, %s, %s, %s)""",
        [run.id, kind, run.state, actor, Jsonb(detail)],
    )


def stats(conn: Connection, run_id: int) -> dict[str, Any]:
    """What its playbook has set by set_stats, for the whole run."""
    row = conn.execute(
        """SELECT detail -> 'set' AS set FROM run_notes
            WHERE run_id = %s AND kind = 'stats' ORDER BY id DESC LIMIT 1""",
        [run_id],
    ).fetchone()
    return row["set"] if row and isinstance(row["set"], dict) else {}


def had_unreachable(conn: Connection, run_id: int) -> bool:
    """Whether a host of the run could not be reached."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM run_hosts WHERE run_id = %s AND unreachable > 0) AS there",
        [run_id],
    ).fetchone()
    assert row is not None
    return bool(row["there"])


def has_as_many(conn: Connection, root: int, most: int) -> bool:
    """Whether *most* runs have come of the run *root* by chains."""
    row = conn.execute(
        "SELECT count(*) AS many FROM (SELECT FROM runs WHERE chain_root = %s LIMIT %s) AS found",
        [root, most],
    ).fetchone()
    assert row is not None
    return bool(row["many"] >= most)
