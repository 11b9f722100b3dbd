"""How a template's runs went: by days, and the last of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from runner.quantiles import quantile
from runner.run import RunState
from runner.store.connection import Connection
from runner.store.counts import MEASURES, SCALE

LAST = 30  # runs that a sparkline shows, and by whose successes the usual time is told
LIVE = 10_000  # notes of ends that are read before they are counted: more is an absent watchdog


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How runs ended, and how long those that succeeded took, in seconds from start to end."""

    succeeded: int
    failed: int
    stopped: int
    #: timed_out, interrupted and lost.
    other: int
    #: None when none succeeded.
    p50: float | None
    p95: float | None

    @property
    def runs(self) -> int:
        """How many ended."""
        return self.succeeded + self.failed + self.stopped + self.other

    @property
    def success_rate(self) -> float | None:
        """The share that succeeded of those that nobody stopped. None when there were none."""
        judged = self.runs - self.stopped
        return self.succeeded / judged if judged else None


@dataclass(frozen=True, kw_only=True)
class Day(Tally):
    """A day (UTC), by when runs ended."""

    day: date


class Recent(NamedTuple):
    """A run that has ended."""

    id: int
    state: RunState
    #: From its start to its end; None when it never started.
    seconds: float | None


def of_template(conn: Connection, template: str, *, days: int) -> tuple[list[Day], Tally]:
    """Each of the last *days* days, today the last, and all of them together.

    Exact in numbers, and to 1 % in seconds; a run counts from the moment its end is committed.
    """
    rows = conn.execute(
        f"""WITH window_days AS (
                SELECT generate_series((now() AT TIME ZONE 'UTC')::date - %(days)s + 1,
                                       (now() AT TIME ZONE 'UTC')::date,
                                       interval '1 day')::date AS day),
            counts AS (
                SELECT day, state, bucket, runs FROM template_days
                 WHERE template = %(template)s
                   AND day > (now() AT TIME ZONE 'UTC')::date - %(days)s
                UNION ALL
                SELECT day, state, bucket, 1
                  FROM (SELECT {MEASURES}
                          FROM (SELECT run_id FROM uncounted WHERE name = 'ended'
                                 ORDER BY id DESC LIMIT %(live)s) AS noted
                          JOIN runs ON runs.id = noted.run_id
                         WHERE runs.template = %(template)s) AS ends)
            SELECT day, coalesce(state, '') AS state, array_agg(bucket) AS buckets,
                   array_agg(runs) AS runs
              FROM window_days LEFT JOIN counts USING (day)
             GROUP BY day, state ORDER BY day""",
        {**SCALE, "template": template, "days": days, "live": LIVE},
    ).fetchall()
    of_day: dict[date, list[dict[str, Any]]] = {}
    for row in rows:
        of_day.setdefault(row["day"], []).append(row)
    return (
        [Day(day=day, **_added_up(counts)) for day, counts in of_day.items()],
        Tally(**_added_up(rows)),
    )


def _added_up(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Add up counts of states and buckets."""
    states: Counter[str] = Counter()
    took: Counter[int] = Counter()
    for row in rows:
        if row["state"]:
            states[row["state"]] += sum(row["runs"])
        if row["state"] == RunState.SUCCEEDED:
            for bucket, runs in zip(row["buckets"], row["runs"], strict=True):
                took[bucket] += runs
    told = {state: states.pop(state, 0) for state in ("succeeded", "failed", "stopped")}
    return {
        **told,
        "other": states.total(),
        "p50": quantile(took, 0.5),
        "p95": quantile(took, 0.95),
    }


def recent(
    conn: Connection, templates: Sequence[str], *, limit: int = LAST
) -> dict[str, list[Recent]]:
    """The last *limit* runs that have ended of each of these *templates*, the newest last."""
    rows = conn.execute(
        """SELECT wanted.template, last.*
             FROM unnest(%(templates)s::text[]) AS wanted (template),
                  LATERAL (
                      SELECT id, state,
                             extract(epoch FROM finished_at - claimed_at)::double precision
                                 AS seconds
                        FROM runs
                       WHERE template = wanted.template AND state NOT IN ('queued', 'running')
                       ORDER BY id DESC LIMIT %(limit)s) AS last
            ORDER BY id""",
        {"templates": list(templates), "limit": limit},
    ).fetchall()
    last: dict[str, list[Recent]] = {template: [] for template in templates}
    for row in rows:
        last[row["template"]].append(Recent(row["id"], RunState(row["state"]), row["seconds"]))
    return last


def usual_seconds(conn: Connection, template: str) -> float | None:
    """The median of the last runs that succeeded, from start to end. None when none has."""
    row = conn.execute(
        """SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY seconds) AS usual
             FROM (SELECT extract(epoch FROM finished_at - claimed_at)::double precision AS seconds
                     FROM runs WHERE template = %s AND state = 'succeeded'
                    ORDER BY id DESC LIMIT %s) AS last""",
        [template, LAST],
    ).fetchone()
    assert row is not None
    usual: float | None = row["usual"]
    return usual
