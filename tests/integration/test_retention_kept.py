"""What stays, though its time is over: runs that are still needed."""

import pytest
from psycopg.types.json import Jsonb

from runner.run import Trigger
from runner.store import claims, counts, runs
from runner.wanted import Wanted
from tests.aged import age, aged, ended, keep, kept
from tests.runners import SPEC


def test_no_run_goes_that_waits_or_plays(conn):
    waiting = runs.insert(conn, Wanted(template="deploy", spec=SPEC, trigger=Trigger.API, by="a"))
    playing = runs.insert(conn, Wanted(template="deploy", spec=SPEC, trigger=Trigger.API, by="a"))
    claim = {"runner": "r", "machine": "m", "boot": "b", "token": "0" * 32, "lease": 60.0}
    claims.claim(conn, playing.id, **claim)
    conn.execute("UPDATE runs SET queued_at = now() - interval '1 year'")
    keep(conn, run_days=1, run_count=1, output_days=1, event_days=1, compress_days=1)

    assert kept(conn) == [waiting.id, playing.id]
    assert {runs.find(conn, run_id).output_kept for run_id in kept(conn)} == {"plain"}


def rerun_lives(conn, run):
    again = Wanted(template="deploy", spec=SPEC, trigger=Trigger.RERUN, by="ada", rerun_of=run.id)
    return runs.insert(conn, again), "UPDATE runs SET rerun_of = NULL WHERE id <> %s"


def is_to_be_told(conn, run):
    conn.execute(
        """INSERT INTO notifications (event_id, run_id, occasion, target)
           SELECT min(id), run_id, 'succeeded', 0 FROM run_events WHERE run_id = %s
            GROUP BY run_id""",
        [run.id],
    )
    return None, "UPDATE notifications SET state = 'sent', sent_at = now() WHERE run_id = %s"


def is_not_counted(conn, run):
    conn.execute("INSERT INTO uncounted (name, run_id) VALUES ('ended', %s)", [run.id])
    return None, "DELETE FROM uncounted WHERE run_id = %s"


def is_of_before(conn, run):
    conn.execute("UPDATE old_runs SET next_id = 1, until_id = %s", [run.id])
    return None, "UPDATE old_runs SET next_id = until_id + %s"


@pytest.mark.parametrize("is_needed", [rerun_lives, is_to_be_told, is_not_counted, is_of_before])
def test_no_run_goes_that_is_needed_and_the_others_do(conn, is_needed):
    needed, other = aged(conn, days=40), aged(conn, days=39)
    live, release = is_needed(conn, needed)
    if is_needed is is_of_before:
        conn.execute("UPDATE old_runs SET until_id = %s", [needed.id])

    keep(conn, run_days=30, run_count=1)

    assert needed.id in kept(conn)
    assert other.id not in kept(conn)

    conn.execute(release, [live.id if live and "<>" not in release else needed.id])
    keep(conn, run_days=30)

    assert needed.id not in kept(conn)


def test_a_run_that_left_jobs_running_stays_for_a_month(conn):
    """Whoever finds a family without a row ends it."""
    runs_with_jobs = [aged(conn, days=days) for days in (31, 29)]
    with conn.transaction():
        conn.execute("SET LOCAL session_replication_role = replica")
        conn.execute("UPDATE runs SET left_running = %s", [Jsonb([{"pid": 7}])])

    keep(conn, run_days=1)

    assert kept(conn) == [runs_with_jobs[1].id]


def test_a_run_that_has_just_ended_stays_however_many_there_are(conn):
    """Whoever waited for its end still asks how it went."""
    fresh = [ended(conn) for _ in range(3)]
    while counts.count(conn):
        pass

    keep(conn, run_count=1)
    assert kept(conn) == [run.id for run in fresh]

    for run in fresh:
        age(conn, run, days=0.1)
    keep(conn, run_count=1)

    assert kept(conn) == [fresh[2].id]
