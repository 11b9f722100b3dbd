"""What stands around a run: those that wait before it, its template's run before it, its reruns."""

from typing import NamedTuple

from runner.run import Run
from runner.store.connection import Connection


class Held(NamedTuple):
    """A run that a runner holds."""

    id: int
    template: str
    runner: str


class Earlier(NamedTuple):
    """The commits of a run before another."""

    id: int
    playbook_sha: str
    inventory_sha: str | None


def earlier(conn: Connection, run: Run) -> Earlier | None:
    """The last run of the same template before *run* that got as far as its commits."""
    row = conn.execute(
        """SELECT id, playbook_sha, inventory_sha
             FROM (SELECT id, playbook_sha, inventory_sha FROM runs
                    WHERE template = %s AND id < %s ORDER BY id DESC LIMIT 100) AS latest
            WHERE playbook_sha IS NOT NULL ORDER BY id DESC LIMIT 1""",
        [run.template, run.id],
    ).fetchone()
    return Earlier(**row) if row else None


def held(conn: Connection) -> list[Held]:
    """The running runs, by the runners that hold them."""
    rows = conn.execute(
        """SELECT id, template, runner FROM runs
            WHERE state = 'running' AND runner IS NOT NULL ORDER BY runner, id"""
    ).fetchall()
    return [Held(**row) for row in rows]
