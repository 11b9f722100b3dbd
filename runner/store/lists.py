"""Runs as people list them: by any of template, state, trigger and time, the newest first.

Postgres would go through all runs, the newest first, until enough are found: all of a million for
who looks for what is rare. Here each kind of run (template, state and trigger) is a stretch of an
index in the order of ids, of which the newest are taken; the newest of those are the page.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString, NamedTuple

from runner.run import Run, RunState, Trigger
from runner.store.connection import Connection
from runner.store.runs import SELECT

#: How far the order of ids may be from that of times, which are those of transactions' begin. It is
#: milliseconds, unless the clock of Postgres is set back.
SLACK = timedelta(hours=1)
NEAR = 5000  # runs of such a time that are looked at for their order
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
    bounds = _bounds(conn, before, since, until)
    values: dict[str, Any] = {
        "limit": limit,
        "first": bounds.first,
        "last": bounds.last,
        "templates": _templates(template, among),
        "states": [str(state) for state in dict.fromkeys(states)],
        "triggers": [str(trigger)] if trigger else [],
        "rerun_of": rerun_of,
        "since": since,
        "until": until,
    }
    find = _newest_of_each if rerun_of is None else _reruns
    found = find(values, bounds.tests)
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


class Bounds(NamedTuple):
    """Between which ids the runs are that some times ask for."""

    first: int
    last: int
    #: What else tells whether one is of that time, where the ids alone do not.
    tests: LiteralString


def _bounds(
    conn: Connection, before: int | None, since: datetime | None, until: datetime | None
) -> Bounds:
    """Find the runs *before* one that were queued *since* and *until*."""
    first, last = 0, before or BIGGEST
    tests: LiteralString = "id > %(first)s AND id < %(last)s"
    # Times of which no index knows: the ids are in the right order, and few enough.
    if since is not None:
        below, _, is_sharp = _border(conn, since)
        first = below or first
        if not is_sharp:
            tests += " AND queued_at + interval '0' >= %(since)s"
    if until is not None:
        _, above, is_sharp = _border(conn, until)
        last = min(last, above or BIGGEST)
        if not is_sharp:
            tests += " AND queued_at + interval '0' < %(until)s"
    return Bounds(first, last, tests)


def _border(conn: Connection, at: datetime) -> tuple[int | None, int | None, bool]:
    """An id below those of *at* and later, one above those of before, and whether all are theirs.

    Where ids and times are in one order around *at*, no row needs to be read for its time: of ten
    templates' runs by one trigger those were 4,000 rows a page, and 50 ms.
    """
    row = conn.execute(
        """SELECT earlier.id AS earlier, earlier.count AS before, later.id AS later,
                  later.count AS behind,
                  (SELECT id FROM runs WHERE queued_at < %(from)s
                    ORDER BY queued_at DESC LIMIT 1) AS below,
                  (SELECT id FROM runs WHERE queued_at > %(to)s
                    ORDER BY queued_at LIMIT 1) AS above
             FROM (SELECT max(id) AS id, count(*) AS count
                     FROM (SELECT id FROM runs WHERE queued_at >= %(from)s AND queued_at < %(at)s
                            LIMIT %(most)s) AS near) AS earlier,
                  (SELECT min(id) AS id, count(*) AS count
                     FROM (SELECT id FROM runs WHERE queued_at >= %(at)s AND queued_at <= %(to)s
                            LIMIT %(most)s) AS near) AS later""",
        {"at": at, "from": _moved(at, -SLACK), "to": _moved(at, SLACK), "most": NEAR},
    ).fetchone()
    assert row is not None
    earlier = row["below"] if row["earlier"] is None else row["earlier"]
    later = row["above"] if row["later"] is None else row["later"]
    is_all = max(row["before"], row["behind"]) < NEAR
    if is_all and (earlier is None or later is None or earlier < later):
        return earlier, later, True
    return row["below"], row["above"], False


def _reruns(values: dict[str, Any], tests: LiteralString) -> LiteralString:
    """The reruns of one run; they are few."""
    tests = f"rerun_of = %(rerun_of)s AND {tests}"
    for column, key in (("template", "templates"), ("state", "states"), ("trigger", "triggers")):
        if values[key] or (key == "templates" and values[key] is not None):
            tests += f" AND {column} = ANY(%({key})s)"
    return f"SELECT id FROM runs WHERE {tests} ORDER BY {NEWEST}"


def _newest_of_each(values: dict[str, Any], tests: LiteralString) -> LiteralString:
    """The newest of each stretch of the index that has them in their order."""
    keys = _columns(values)
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


def _moved(at: datetime, by: timedelta) -> datetime:
    """Move a time; not beyond the years that Python knows."""
    try:
        return at + by
    except OverflowError:
        return at
