"""How it stands with runs, runners and the watch, by looking at what is live only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runner.policy import is_stuck
from runner.store.connection import Connection
from runner.store.runners import FRESH
from runner.store.watch import VERDICTS


@dataclass(frozen=True, kw_only=True)
class Health:
    """What /ready and /metrics tell."""

    #: When the last round of the watch ended; None before the first.
    round_at: datetime | None
    #: Seconds since then.
    seconds_ago: float | None
    #: Seconds that it took.
    round_seconds: float | None
    rounds: int
    #: What all watchdogs have decided, by kind.
    verdicts: dict[str, int]
    queued: int
    #: Seconds that the oldest queued run waits; None when none does.
    oldest_queued_seconds: float | None
    #: Running runs that nobody has asked to stop.
    running: int
    stopping: int
    #: Runs that are being stopped for longer than a stop can take.
    stuck_stopping: int
    #: Running runs whose lease has run out.
    stale: int
    #: Runners heard of lately, their slots, and how many of those are taken.
    runners: int
    #: How many of them hold families by which means.
    containment: dict[str, int]
    #: Programs that some of them need and have not.
    missing: list[str]
    slots: int
    busy: int
    #: Notifications that are to be told, and that were given up.
    notifications_pending: int
    notifications_dead: int


def read(conn: Connection) -> Health:
    """Look once. Final runs, however many there are, are not looked at."""
    row = conn.execute(
        """SELECT watch.rounds, watch.round_at, watch.round_seconds, watch.verdicts,
                  extract(epoch FROM now() - watch.round_at)::double precision AS seconds_ago,
                  (SELECT count(*) FROM runs WHERE state = 'queued') AS queued,
                  (SELECT extract(epoch FROM now() - min(queued_at))::double precision
                     FROM runs WHERE state = 'queued') AS oldest_queued_seconds,
                  (SELECT count(*) FROM notifications WHERE state = 'pending')
                      AS notifications_pending,
                  (SELECT count(*) FROM notifications WHERE state = 'dead') AS notifications_dead,
                  playing.*, taking.*, lacking.*, holding.*
             FROM watch,
                  (SELECT count(*) FILTER (WHERE stop_requested_at IS NULL) AS running,
                          count(*) FILTER (WHERE lease_expires_at < now()) AS stale,
                          coalesce(
                              jsonb_agg(jsonb_build_object(
                                  'asked', extract(epoch FROM now() - stop_requested_at),
                                  'forced', extract(epoch FROM now() - force_requested_at),
                                  'grace', spec -> 'grace'))
                              FILTER (WHERE stop_requested_at IS NOT NULL), '[]') AS stops
                     FROM runs WHERE state = 'running') AS playing,
                  (SELECT count(*) AS runners, coalesce(sum(slots), 0)::int AS slots,
                          coalesce(sum(busy), 0)::int AS busy
                     FROM runners
                    WHERE beat_at > now() - make_interval(secs => %(fresh)s)) AS taking,
                  (SELECT coalesce(array_agg(DISTINCT program ORDER BY program), '{}') AS missing
                     FROM runners, unnest(runners.missing) AS program
                    WHERE beat_at > now() - make_interval(secs => %(fresh)s)) AS lacking,
                  (SELECT coalesce(jsonb_object_agg(kind, number), '{}') AS containment
                     FROM (SELECT containment AS kind, count(*) AS number FROM runners
                            WHERE beat_at > now() - make_interval(secs => %(fresh)s)
                            GROUP BY containment) AS kinds) AS holding""",
        {"fresh": FRESH},
    ).fetchone()
    assert row is not None
    stops: list[dict[str, Any]] = row.pop("stops")
    verdicts = {kind: row["verdicts"].get(kind, 0) for kind in VERDICTS}
    stuck = sum(is_stuck(**stop) for stop in stops)
    return Health(**{**row, "verdicts": verdicts}, stopping=len(stops), stuck_stopping=stuck)
