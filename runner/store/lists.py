"""Runs as people list them: by any of template, state, trigger and time, the newest first.

Postgres would go through all runs, the newest first, until enough are found: all of a million for
who looks for what is rare. Here each kind of run (template, state and trigger) is a stretch of an
index in the order of ids, of which the newest are taken; the newest of those are the page.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString

from runner.run import Run, RunState, Trigger
from runner.store.connection import Connection
from runner.store.runs import SELECT

#: How far the order of ids may be from that of times, which are those of transactions' begin. It is
#: milliseconds, unless the clock of Postgres is set back.
SLACK = timedelta(hours=1)
BIGGEST = 2**63 - 1
#: An order that the primary key has not, but the indexes of 0010_lists.sql: see there.
NEWEST: LiteralString = "id DESC NULLS LAST"


def page(
    conn: Connection,
    *,
    limit: int,
    before: int | None = None,
    states: Sequence[RunState] = (),
    template: str | None = None,
    among: Sequence[str] | None = None,
    trigger: Trigger | None = None,
    rerun_of: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Run]:
    """Up to *limit* runs, the newest first, older than the run *before*.

    Those of one *template*, and if it is not None only *among* some.
    """
    first, last = _ids(conn, before, since, until)
    values: dict[str, Any] = {
        "limit": limit,
        "first": first,
        "last": last,
        "templates": _templates(template, among),
        "states": [str(state) for state in dict.fromkeys(states)],
        "triggers": [str(trigger)] if trigger else [],
        "rerun_of": rerun_of,
        "since": since,
        "until": until,
    }
    found = _newest_of_each(values) if rerun_of is None else _reruns(values)
    with conn.transaction():
        # What is between two ids is thought to be little, and read as a whole to be sorted: 22 ms
        # for a week, where the first 51 in the index's order take one.
        conn.execute("SET LOCAL enable_bitmapscan = off")
        rows = conn.execute(
            f"{SELECT} WHERE id IN ({found} LIMIT %(limit)s) ORDER BY id DESC",
            values,
            prepare=False,  # a plan for any values is one for none
        ).fetchall()
    return [Run.from_row(row) for row in rows]


def _templates(template: str | None, among: Sequence[str] | None) -> list[str] | None:
    """The names that are asked for; None: any."""
    if template is None:
        return None if among is None else list(dict.fromkeys(among))
    return [template] if among is None or template in among else []


def _ids(
    conn: Connection, before: int | None, since: datetime | None, until: datetime | None
) -> tuple[int, int]:
    """Between which ids all runs are that were queued *since* and *until*, with some others."""
    row = (
        conn.execute(
            """SELECT (SELECT id FROM runs WHERE queued_at < %(since)s
                    ORDER BY queued_at DESC LIMIT 1) AS first,
                  (SELECT id FROM runs WHERE queued_at > %(until)s
                    ORDER BY queued_at LIMIT 1) AS last""",
            {"since": since and since - SLACK, "until": until and until + SLACK},
        ).fetchone()
        if since or until
        else None
    )
    first, last = (row["first"], row["last"]) if row else (None, None)
    return first or 0, min(last or BIGGEST, before or BIGGEST)


def _conditions(values: dict[str, Any]) -> LiteralString:
    """What the times ask for, beside the ids."""
    tests: LiteralString = "id > %(first)s AND id < %(last)s"
    # Times of which no index knows: the ids are in the right order, and few enough.
    if values["since"] is not None:
        tests += " AND queued_at + interval '0' >= %(since)s"
    if values["until"] is not None:
        tests += " AND queued_at + interval '0' < %(until)s"
    return tests


def _reruns(values: dict[str, Any]) -> LiteralString:
    """The reruns of one run; they are few."""
    tests = f"rerun_of = %(rerun_of)s AND {_conditions(values)}"
    for column, key in (("template", "templates"), ("state", "states"), ("trigger", "triggers")):
        if values[key] or (key == "templates" and values[key] is not None):
            tests += f" AND {column} = ANY(%({key})s)"
    return f"SELECT id FROM runs WHERE {tests} ORDER BY {NEWEST}"


def _newest_of_each(values: dict[str, Any]) -> LiteralString:
    """The newest of each stretch of the index that has them in their order."""
    keys = _columns(values)
    tests = _conditions(values)
    if not keys:
        return f"SELECT id FROM runs WHERE {tests} ORDER BY id DESC"
    kinds = " CROSS JOIN ".join(
        f"unnest(%({many})s::text[]) AS {many} ({one})" for one, many in keys.items()
    )
    same = " AND ".join(f"runs.{one} = {many}.{one}" for one, many in keys.items())
    return f"""SELECT newest.id FROM {kinds} CROSS JOIN LATERAL (
                   SELECT id FROM runs WHERE {same} AND {tests}
                    ORDER BY {NEWEST} LIMIT %(limit)s) AS newest
                ORDER BY id DESC"""


def _columns(values: dict[str, Any]) -> dict[LiteralString, LiteralString]:
    """The columns of the index that is used, and fill in all values of those not asked for."""
    keys: dict[LiteralString, LiteralString] = {}
    if values["templates"] is not None:
        keys["template"] = "templates"
    if values["states"] or values["triggers"]:
        keys |= {"state": "states", "trigger": "triggers"}
        values["states"] = values["states"] or [str(state) for state in RunState]
        values["triggers"] = values["triggers"] or [str(trigger) for trigger in Trigger]
    return keys
