"""What metrics tell beside counters and health: what is live, by template and by runner."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from runner.store import sizes
from runner.store.connection import Connection
from runner.store.counts import MOST_TEMPLATES

SHOWN = 3600  # seconds since its last beat in which a runner that left without a word is shown
MOST_RUNNERS = 500
MOST_NOTES = 100_000  # that are looked at; there are a few unless no watchdog is there


class Runner(NamedTuple):
    """A runner that has not left, or did without a word."""

    name: str
    machine: str
    slots: int
    busy: int
    beat_at: datetime
    #: By directory {total, free, used}, in bytes; see runner.disks.
    disks: dict[str, dict[str, int]]


@dataclass(frozen=True, kw_only=True)
class Gauges:
    """What is there now."""

    #: Runs by template and state: queued or running.
    live: dict[tuple[str, str], int]
    #: Processes that would not die, of running runs.
    survivors: int
    runners: list[Runner]
    #: The first templates by name: what may be counted of.
    templates: list[str]
    #: The kinds of senders that have hooks.
    senders: list[str]
    #: Notes that are not counted yet.
    uncounted: int
    #: Bytes of each table, and of the whole database.
    tables: dict[str, int]
    database: int
    #: When the oldest run that is kept was queued; None without any.
    oldest_run_at: datetime | None


def read(conn: Connection) -> Gauges:
    """Look once. Final runs, however many there are, are not looked at."""
    row = conn.execute(
        """SELECT (SELECT coalesce(sum(jsonb_array_length(survivors)), 0)::int
                     FROM runs WHERE state = 'running' AND survivors <> '[]') AS survivors,
                  ARRAY(SELECT name FROM templates ORDER BY name LIMIT %(templates)s) AS templates,
                  ARRAY(SELECT DISTINCT sender FROM hooks ORDER BY sender) AS senders,
                  (SELECT count(*) FROM (SELECT FROM uncounted LIMIT %(notes)s) AS notes)
                      AS uncounted,
                  (SELECT queued_at FROM runs ORDER BY id LIMIT 1) AS oldest_run_at""",
        {"templates": MOST_TEMPLATES, "notes": MOST_NOTES},
    ).fetchone()
    assert row is not None
    return Gauges(
        **row,
        live=_live(conn),
        runners=_runners(conn),
        tables=sizes.tables(conn),
        database=sizes.database(conn),
    )


def _live(conn: Connection) -> dict[tuple[str, str], int]:
    # By two indexes: neither state is looked for among the runs of the other.
    rows = conn.execute(
        """SELECT template, 'queued' AS state, count(*) AS runs
             FROM runs WHERE state = 'queued' GROUP BY template
           UNION ALL
           SELECT template, 'running', count(*)
             FROM runs WHERE state = 'running' GROUP BY template"""
    ).fetchall()
    return {(row["template"], row["state"]): row["runs"] for row in rows}


def _runners(conn: Connection) -> list[Runner]:
    rows = conn.execute(
        """SELECT name, machine, slots, busy, beat_at, disks FROM runners
            WHERE beat_at > now() - make_interval(secs => %s)
            ORDER BY beat_at DESC LIMIT %s""",
        [SHOWN, MOST_RUNNERS],
    ).fetchall()
    return [Runner(**row) for row in rows]
