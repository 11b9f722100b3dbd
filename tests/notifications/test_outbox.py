"""What is to be told is written with the event that it tells of: once for each target."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest

from runner.judge import Verdict
from runner.notification import OCCASIONS
from runner.run import FINAL, RunState, Trigger
from runner.store import claims, events, moves, runs, stops, verdicts
from runner.store.connection import connect
from runner.wanted import Wanted
from tests.runners import SPEC

TO = {"kind": "slack", "credential": "chat"}


@pytest.fixture
def make_run(conn):
    """Queued runs of a template with these notifications."""

    def make(*on, reply=None, **spec):
        entries = [{"on": list(each), "to": TO} for each in on]
        wanted = Wanted(
            template="test",
            spec={**SPEC, "notifications": entries, **spec},
            trigger=Trigger.API,
            by="ada",
            reply=reply,
        )
        return runs.insert(conn, wanted)

    return make


def claim(conn, run):
    who = {"runner": "one", "machine": "here", "boot": "boot"}
    return claims.claim(conn, run.id, token=uuid4(), lease=600, **who)


def start(conn, run):
    return moves.register(conn, claim(conn, run), leader=1, created=2, keeper=3, directory="/run")


def finish(conn, run, state):
    verdict = Verdict(state=state, message="so it ended")
    return moves.finish(conn, run, verdict, actor="one", complete=True, truncated=False)


def told(conn):
    """What is to be told, in its order."""
    rows = conn.execute("SELECT occasion, target FROM notifications ORDER BY id").fetchall()
    return [(row["occasion"], row["target"]) for row in rows]


def test_each_target_is_told_of_what_it_wants_and_of_nothing_else(conn, make_run):
    run = make_run(["started"], ["succeeded", "failed"], ["always"], ["stopped"])

    finish(conn, start(conn, run), RunState.SUCCEEDED)

    assert told(conn) == [("started", 0), ("started", 2), ("succeeded", 1), ("succeeded", 2)]


@pytest.mark.parametrize("state", [state for state in FINAL if state is not RunState.STOPPED])
def test_every_end_is_an_occasion(conn, make_run, state):
    finish(conn, start(conn, make_run([str(state)])), state)

    assert told(conn) == [(str(state), 0)]


def test_a_stop_of_a_queued_run_is_told(conn, make_run):
    stops.request_stop(conn, make_run(["stopped"]).id, by="grace", reason=None, force=False)

    assert told(conn) == [("stopped", 0)]


def test_a_queue_time_out_is_told(conn, make_run):
    make_run(["failed"], queue_timeout=1)
    conn.execute("UPDATE runs SET queue_expires_at = now() - interval '1 s'")

    verdicts.expire(conn, actor="watchdog")

    assert told(conn) == [("failed", 0)]


def test_every_attempt_that_starts_is_told(conn, make_run):
    run = make_run(["started"])
    verdict = Verdict(state=RunState.INTERRUPTED, message="shut down")
    first = start(conn, run)

    moves.requeue(conn, first, verdict, actor="one", complete=True, truncated=False)
    start(conn, run)

    assert told(conn) == [("started", 0), ("started", 0)]


def test_what_nobody_can_be_told_of_is_not_written(conn, make_run):
    run = make_run(["always"])

    events.append(conn, run.id, "signalled", "one", {})
    claim(conn, run)

    assert told(conn) == []
    assert {"queued", "claimed", "signalled"}.isdisjoint(OCCASIONS)


def test_a_reply_is_given_when_it_starts_and_when_it_ends(conn, make_run):
    run = start(conn, make_run(reply=b"sealed"))
    stops.request_stop(conn, run.id, by="grace", reason=None, force=False)
    verdicts.note_stuck(conn, run, actor="watchdog")

    finish(conn, run, RunState.STOPPED)

    assert told(conn) == [("started", -1), ("stopped", -1)]


@pytest.mark.parametrize(
    "odd",
    [
        None,  # of a version before
        {"on": "always"},
        "always",
        7,
        [None, 7, "always", ["always"], {}, {"on": None}, {"on": 7}, {"on": {"a": 1}}],
    ],
)
def test_no_shape_of_a_spec_makes_a_move_fail(conn, make_run, odd):
    run = make_run(notifications=odd)

    assert finish(conn, start(conn, run), RunState.FAILED)
    assert told(conn) == []


def test_an_event_that_is_undone_tells_nothing(conn, make_run):
    run = claim(conn, make_run(["started"]))
    who = {"leader": 1, "created": 2, "keeper": 3, "directory": "/run"}

    with conn.transaction():
        assert moves.register(conn, run, **who)
        assert told(conn) == [("started", 0)]
        raise psycopg.Rollback

    assert told(conn) == []


def test_it_is_stuck_for_the_first_watchdog_that_finds_it_so(conn, database_url, make_run):
    """The second one waits for the first, which has done all but commit."""
    run = start(conn, make_run(["stuck"]))
    run = stops.request_stop(conn, run.id, by="grace", reason=None, force=False)

    with connect(database_url) as other, ThreadPoolExecutor() as pool:
        with conn.transaction():
            assert verdicts.note_stuck(conn, run, actor="first")
            waiting = pool.submit(verdicts.note_stuck, other, run, actor="second")
        assert waiting.result(timeout=60) is None
    stops.request_stop(conn, run.id, by="grace", reason=None, force=True)
    assert verdicts.note_stuck(conn, run, actor="first") is None

    assert told(conn) == [("stuck", 0)]
    history = events.page(conn, run.id, after=0, limit=100)
    assert [event.actor for event in history if event.kind == "stuck"] == ["first"]


def test_a_run_that_has_ended_is_not_stuck(conn, make_run):
    run = start(conn, make_run(["stuck"]))
    run = stops.request_stop(conn, run.id, by="grace", reason=None, force=False)
    finish(conn, run, RunState.STOPPED)

    assert verdicts.note_stuck(conn, run, actor="watchdog") is None
    assert told(conn) == []


def test_of_a_final_row_only_the_key_of_its_reply_changes(conn, make_run):
    run = finish(conn, start(conn, make_run(reply=b"old")), RunState.SUCCEEDED)
    other = finish(conn, start(conn, make_run()), RunState.SUCCEEDED)

    conn.execute("UPDATE runs SET reply = 'new' WHERE id = %s", [run.id])

    for change, changed in (("NULL", run), ("'new'", other)):
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="is never changed"):
            conn.execute(f"UPDATE runs SET reply = {change} WHERE id = %s", [changed.id])
