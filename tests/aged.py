"""Runs that have ended long ago, with all that a run has beside its row; and retention at work."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import psycopg

from runner.judge import Verdict
from runner.lifetimes import Lifetimes
from runner.retention import Retention
from runner.run import Run, RunState, Trigger
from runner.store import claims, moves, output, runs
from runner.wanted import Wanted
from tests.runners import SPEC

Conn = psycopg.Connection[Any]

#: Where something of a run is.
TABLES = (
    "run_events",
    "run_output",
    "run_results",
    "run_notes",
    "run_tasks",
    "run_hosts",
    "run_host_progress",
    "run_reading",
)
BESIDE = (
    "INSERT INTO run_reading (run_id, attempt, reader) VALUES (%s, 1, gen_random_uuid())",
    """INSERT INTO run_tasks (run_id, number, attempt, play, name, action, path, began_at)
       VALUES (%s, 1, 1, 'all', 'Look', 'command', 'site.yml:3', now())""",
    """INSERT INTO run_host_progress (run_id, host, number, task, at)
       VALUES (%s, 'web1', 1, 1, now())""",
    "INSERT INTO run_notes (run_id, id, at, kind, detail) VALUES (%s, 1, now(), 'stats', '{}')",
    """INSERT INTO run_results (run_id, id, at, task, host, status)
       VALUES (%s, 2, now(), 1, 1, 1)""",
    "INSERT INTO run_hosts VALUES (%s, 'web1', 1, 0, 0, 0, 0, 0, 0)",
)


def aged(
    conn: Conn, *, days: float, parts: tuple[bytes, ...] = (b"one\n", b"two\n"), **wanted: Any
) -> Run:
    """A run that ended so many days ago, and is counted."""
    run = ended(conn, parts=parts, **wanted)
    conn.execute("DELETE FROM uncounted WHERE run_id = %s", [run.id])
    return age(conn, run, days)


def ended(conn: Conn, *, parts: tuple[bytes, ...] = (b"one\n",), **wanted: Any) -> Run:
    """A run that has just ended, and that told of one task on one host."""
    basics = {"template": "deploy", "spec": SPEC, "trigger": Trigger.API, "by": "ada"}
    queued = runs.insert(conn, Wanted(**{**basics, **wanted}))
    assert queued is not None
    claim = {"runner": "r", "machine": "m", "boot": "b", "token": uuid4(), "lease": 60.0}
    run = claims.claim(conn, queued.id, **claim)
    assert run is not None
    assert run.lease_token is not None
    place = 0
    for part in parts:
        assert output.append(conn, run.id, run.lease_token, place, part)
        place += len(part)
    for statement in BESIDE:
        conn.execute(statement, [run.id])
    verdict = Verdict(state=RunState.SUCCEEDED, message="done", exit_code=0)
    done = moves.finish(conn, run, verdict, actor="r", complete=True, truncated=False)
    assert done is not None
    return done


def age(conn: Conn, run: Run, days: float) -> Run:
    """As if it had all happened so many days before."""
    with conn.transaction():
        conn.execute("SET LOCAL session_replication_role = replica")  # a final row is not changed
        conn.execute(
            """UPDATE runs SET queued_at = queued_at - ago, claimed_at = claimed_at - ago,
                               finished_at = finished_at - ago
                 FROM (SELECT %(days)s * interval '1 day' AS ago) AS span WHERE id = %(id)s""",
            {"id": run.id, "days": days},
        )
    found = runs.find(conn, run.id)
    assert found is not None
    return found


def retention(**lifetimes: int) -> Retention:
    """Keep for so long what is named, and all else for ever."""
    aliases = {name: field.alias for name, field in Lifetimes.model_fields.items()}
    given = {str(alias): lifetimes.get(name, 0) for name, alias in aliases.items()}
    return Retention(Lifetimes.model_validate(given))


def keep(conn: Conn, rounds: int = 2, **lifetimes: int) -> None:
    """Do rounds of retention, as a watchdog does them."""
    keeping = retention(**lifetimes)
    for _ in range(rounds):
        do(conn, keeping.chores())


def do(conn: Any, chores: list[Callable[[Any], None]]) -> None:
    """Do one round's."""
    for chore in chores:
        chore(conn)


def kept(conn: Conn) -> list[int]:
    """The runs that there are."""
    return [row["id"] for row in conn.execute("SELECT id FROM runs ORDER BY id").fetchall()]


def beside(conn: Conn, run_id: int) -> dict[str, int]:
    """How many rows there are of a run, by table, those without any left out."""
    counts = {
        table: conn.execute(f"SELECT FROM {table} WHERE run_id = %s", [run_id]).rowcount
        for table in TABLES
    }
    return {table: count for table, count in counts.items() if count}
