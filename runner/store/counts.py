"""Counting what happened, once and for good, for statistics and metrics.

Whatever happens is noted in `uncounted` by a trigger, in its own transaction. One statement takes
notes out and adds them up: it happens as a whole or not at all, and a note that another count has
taken is not there any more. So nothing is counted twice or missed, however late a transaction
commits, whoever dies, and however many count at once.
"""

from typing import LiteralString

from runner.quantiles import GROWTH, LEAST
from runner.store.connection import Connection

BATCH = 5_000  # notes of one statement; a round every five seconds counts 1,000 a second
OLD_BATCH = 20_000  # rows of before that one statement looks through
# Of a processor a scrape took 26 ms with 200, most of that to write it.
MOST_TEMPLATES = 100  # that metrics name
#: Where metrics count the rest; no template can be called so.
OTHERS = "_others"
#: The ends of the histograms' buckets, in seconds.
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)

#: Of a run, what its template's day counts.
MEASURES: LiteralString = """
    runs.template COLLATE "C" AS template, (runs.finished_at AT TIME ZONE 'UTC')::date AS day,
    runs.state,
    CASE WHEN runs.state = 'succeeded' THEN
        ceil(ln(greatest(
            extract(epoch FROM runs.finished_at - runs.claimed_at)::double precision / %(least)s,
            1)) / ln(%(growth)s::double precision))::smallint
        ELSE 0 END AS bucket"""
SCALE = {"least": LEAST, "growth": GROWTH}

#: Adds what `ends` measures to the days.
ADD_DAYS: LiteralString = """
    INSERT INTO template_days AS old (template, day, state, bucket, runs)
    SELECT template, day, state, bucket, count(*) FROM ends
     GROUP BY template, day, state, bucket
     ORDER BY template, day, state, bucket
    ON CONFLICT (template, day, state, bucket) DO UPDATE SET runs = old.runs + excluded.runs"""


#: The templates that metrics name: those they have named before, and new ones while there is room.
_NAMED: LiteralString = """
    WITH old AS (SELECT DISTINCT labels[1] AS template FROM counters WHERE name = 'runs_ended')
    SELECT template FROM old
    UNION ALL
    (SELECT DISTINCT template FROM ended WHERE template NOT IN (SELECT template FROM old)
      ORDER BY template
      LIMIT (SELECT greatest(0, %(templates)s - count(*)) FROM old WHERE template <> %(others)s))"""

#: The end of the bucket that a value is in.
_END: LiteralString = """
    coalesce((SELECT min(bound)::text FROM unnest(%(bounds)s::double precision[]) AS bound
               WHERE bound >= value), '+Inf')"""

#: What is to be added to which counter.
_SEEN: LiteralString = f"""
    SELECT 'runs_ended' AS name,
           ARRAY[CASE WHEN template IN (SELECT template FROM named)
                      THEN template ELSE %(others)s END, state] AS labels,
           1::double precision AS value
      FROM ended
    UNION ALL
    SELECT 'output_bytes', '{{}}', output_bytes FROM ended WHERE output_bytes > 0
    UNION ALL
    SELECT name || part, labels || CASE WHEN part = '' THEN ARRAY[{_END}] ELSE '{{}}' END,
           CASE WHEN part = '' THEN 1 ELSE value END
      FROM (SELECT name, labels, greatest(value, 0) AS value
              FROM taken WHERE name = 'claim_seconds'
            UNION ALL
            SELECT 'stop_seconds', ARRAY[(force_requested_at IS NOT NULL)::text], stop_seconds
              FROM ended
             WHERE state = 'stopped' AND claimed_at IS NOT NULL AND stop_seconds IS NOT NULL
           ) AS observed, unnest(ARRAY['', '_sum']) AS part
    UNION ALL
    SELECT name, labels, value FROM taken WHERE name NOT IN ('ended', 'claim_seconds')"""


def note(conn: Connection, name: str, labels: list[str], value: float) -> None:
    """Note in the transaction under way what no trigger notes; nothing for 0."""
    if value:
        conn.execute(
            "INSERT INTO uncounted (name, labels, value) VALUES (%s, %s, %s)",
            [name, labels, value],
        )


def uncounted_ends(conn: Connection, *, limit: int) -> list[int]:
    """Up to *limit* runs whose end is not counted yet."""
    rows = conn.execute(
        "SELECT run_id FROM uncounted WHERE run_id IS NOT NULL LIMIT %s", [limit]
    ).fetchall()
    return [row["run_id"] for row in rows]


def count(conn: Connection, *, limit: int = BATCH) -> int:
    """Count up to *limit* of what was noted, the oldest first; tell how many."""
    return count_ends(conn, limit=limit)[0]


def count_ends(conn: Connection, *, limit: int = BATCH) -> tuple[int, list[int]]:
    """Do that, and tell which runs had ended; each is told once, and to one who counts."""
    row = conn.execute(
        f"""WITH oldest AS MATERIALIZED (
                SELECT id FROM uncounted ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED),
            taken AS (
                DELETE FROM uncounted USING oldest WHERE uncounted.id = oldest.id
                RETURNING uncounted.*),
            ended AS (
                SELECT template, state, claimed_at, finished_at, force_requested_at,
                       stop_seconds, output_bytes
                  FROM taken JOIN runs ON runs.id = taken.run_id WHERE taken.name = 'ended'),
            ends AS (SELECT {MEASURES} FROM ended AS runs),
            days AS ({ADD_DAYS}),
            named AS ({_NAMED}),
            seen AS ({_SEEN}),
            counted AS (
                INSERT INTO counters AS old (name, labels, value)
                SELECT name, labels, sum(value) FROM seen
                 GROUP BY name, labels ORDER BY name, labels
                ON CONFLICT (name, labels) DO UPDATE SET value = old.value + excluded.value)
            SELECT count(*) AS taken,
                   coalesce(array_agg(run_id) FILTER (WHERE name = 'ended'), '{{}}') AS ended
              FROM taken""",
        {
            **SCALE,
            "limit": limit,
            "bounds": list(BOUNDS),
            "templates": MOST_TEMPLATES,
            "others": OTHERS,
        },
    ).fetchone()
    assert row is not None
    return row["taken"], row["ended"]


def count_old(conn: Connection, *, limit: int = OLD_BATCH) -> bool:
    """Add the next *limit* runs of before there were notes to the days; False when none is left.

    Metrics do not count them: it would look as if they had all ended just now.
    """
    return bool(
        conn.execute(
            f"""WITH next AS (
                    UPDATE old_runs SET next_id = next_id + %(limit)s
                     WHERE next_id <= until_id
                    RETURNING next_id - %(limit)s AS first, least(next_id - 1, until_id) AS last),
                ends AS (
                    SELECT {MEASURES} FROM next, runs
                     WHERE runs.id BETWEEN next.first AND next.last
                       AND runs.state NOT IN ('queued', 'running')
                       AND NOT EXISTS (SELECT FROM old_live_runs WHERE run_id = runs.id)),
                days AS ({ADD_DAYS})
                SELECT FROM next""",
            {**SCALE, "limit": limit},
        ).rowcount
    )


def read(conn: Connection) -> dict[str, dict[tuple[str, ...], float]]:
    """Every counter by its name and labels."""
    counters: dict[str, dict[tuple[str, ...], float]] = {}
    for row in conn.execute("SELECT name, labels, value FROM counters").fetchall():
        counters.setdefault(row["name"], {})[tuple(row["labels"])] = row["value"]
    return counters
