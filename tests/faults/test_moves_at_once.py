"""Two moves of one run at the same moment: one wins where only one may, in either order.

The order is forced: the row is locked, both moves are seen waiting for it, one behind the other,
and only then it is let go.
"""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import pytest

from runner.judge import Verdict
from runner.run import FINAL, Run, RunState, StopOutcome, Trigger
from runner.store import claims, events, leases, moves, output, runs, stops, verdicts
from runner.store.connection import Connection, connect
from runner.wanted import Wanted
from tests.waiting import wait_until

DONE = Verdict(state=RunState.SUCCEEDED, message="well", exit_code=0)
STOPPED = Verdict(state=RunState.STOPPED, message="asked", stop_outcome=StopOutcome.TERMINATED)
CUT = Verdict(state=RunState.INTERRUPTED, message="shut down", exit_code=-15)
OUTPUT = {"complete": True, "truncated": False}
WHERE = {"machine": "here", "boot": "b"}

Move = Callable[[Connection, Run], Any]

MOVES: dict[str, Move] = {
    "claim": lambda conn, run: claims.claim(
        conn, run.id, runner="here.1.1", token=uuid.uuid4(), lease=30, **WHERE
    ),
    "register": lambda conn, run: moves.register(
        conn, run, leader=7, created=1, keeper=6, directory="/d"
    ),
    "play": lambda conn, run: moves.play(conn, run, {}),
    "append": lambda conn, run: output.append(conn, run.id, run.lease_token, 0, b"said"),
    "stop": lambda conn, run: stops.request_stop(
        conn, run.id, by="grace", reason=None, force=False
    ),
    "force": lambda conn, run: stops.request_stop(conn, run.id, by="ada", reason=None, force=True),
    "finish": lambda conn, run: moves.finish(conn, run, DONE, actor="here.1.1", **OUTPUT),
    "release": lambda conn, run: moves.release(conn, run, actor="here.1.1"),
    "requeue": lambda conn, run: moves.requeue(conn, run, CUT, actor="here.1.1", **OUTPUT),
    "renew": lambda conn, run: leases.renew(conn, [run.lease_token], lease=30).get(run.lease_token),
    "adopt": lambda conn, run: verdicts.adopt(
        conn, run, actor="watchdog", token=uuid.uuid4(), lease=30
    ),
    "lose": lambda conn, run: verdicts.lose(conn, run, actor="watchdog", message="silence"),
    "expire": lambda conn, run: verdicts.expire(conn, actor="watchdog"),
    "record_late": lambda conn, run: verdicts.record_late(conn, run, {"state": "failed"}),
}


@dataclass(frozen=True)
class Pair:
    """Two moves, and which of them is made by whoever comes first, and by whoever second."""

    #: What the run is before: queued, expired, running, stopping, silent or final.
    before: str
    first: str
    second: str
    #: Whether the second is made when the first was.
    is_second_made: bool
    #: The state after both.
    after: RunState


TABLE = [
    # a run is claimed once
    Pair("queued", "claim", "claim", False, RunState.RUNNING),
    # a stop of a queued run ends it; one that meets a claim is a note on the row
    Pair("queued", "stop", "claim", False, RunState.STOPPED),
    Pair("queued", "claim", "stop", True, RunState.RUNNING),
    Pair("queued", "stop", "force", False, RunState.STOPPED),
    Pair("queued", "stop", "stop", False, RunState.STOPPED),
    # its queue time-out and a stop end it once
    Pair("expired", "expire", "stop", False, RunState.FAILED),
    Pair("expired", "stop", "expire", False, RunState.STOPPED),
    Pair("expired", "expire", "expire", False, RunState.FAILED),
    # asked twice is asked once; a force is more than a stop, and holds it
    Pair("running", "stop", "stop", False, RunState.RUNNING),
    Pair("running", "stop", "force", True, RunState.RUNNING),
    Pair("running", "force", "stop", False, RunState.RUNNING),
    # an end is written once, and a stop that comes behind it changes nothing
    Pair("running", "finish", "finish", False, RunState.SUCCEEDED),
    Pair("running", "finish", "stop", False, RunState.SUCCEEDED),
    Pair("running", "stop", "finish", True, RunState.SUCCEEDED),
    Pair("running", "finish", "force", False, RunState.SUCCEEDED),
    # nothing is queued again that somebody has asked to stop
    Pair("running", "stop", "release", False, RunState.RUNNING),
    Pair("running", "release", "stop", True, RunState.STOPPED),
    Pair("running", "stop", "requeue", False, RunState.RUNNING),
    Pair("running", "requeue", "stop", True, RunState.STOPPED),
    # nothing that may have run is queued as if it had not
    Pair("running", "register", "release", False, RunState.RUNNING),
    Pair("running", "release", "register", False, RunState.QUEUED),
    # a lease is one holder's
    Pair("running", "adopt", "adopt", False, RunState.RUNNING),
    Pair("running", "adopt", "renew", False, RunState.RUNNING),
    Pair("running", "renew", "adopt", True, RunState.RUNNING),
    Pair("running", "adopt", "finish", False, RunState.RUNNING),
    Pair("running", "finish", "adopt", False, RunState.SUCCEEDED),
    Pair("running", "adopt", "append", False, RunState.RUNNING),
    Pair("running", "append", "adopt", True, RunState.RUNNING),
    Pair("running", "adopt", "register", False, RunState.RUNNING),
    Pair("running", "adopt", "release", False, RunState.RUNNING),
    Pair("running", "adopt", "requeue", False, RunState.RUNNING),
    Pair("running", "requeue", "adopt", False, RunState.QUEUED),
    # of a run that is queued again nothing is held
    Pair("running", "requeue", "requeue", False, RunState.QUEUED),
    Pair("running", "requeue", "finish", False, RunState.QUEUED),
    Pair("running", "finish", "requeue", False, RunState.SUCCEEDED),
    Pair("running", "requeue", "append", False, RunState.QUEUED),
    # nobody claims what is not yet seen to be queued
    Pair("running", "requeue", "claim", False, RunState.QUEUED),
    Pair("running", "release", "claim", False, RunState.QUEUED),
    Pair("running", "release", "play", False, RunState.QUEUED),
    # the last byte comes before the end, or not at all
    Pair("running", "append", "finish", True, RunState.SUCCEEDED),
    Pair("running", "finish", "append", False, RunState.SUCCEEDED),
    # output whose answer was lost is told again while the first try is on its way
    Pair("running", "append", "append", True, RunState.RUNNING),
    # who was silent and is heard of again has not lost it
    Pair("silent", "lose", "finish", False, RunState.LOST),
    Pair("silent", "finish", "lose", False, RunState.SUCCEEDED),
    Pair("silent", "lose", "renew", False, RunState.LOST),
    Pair("silent", "renew", "lose", False, RunState.RUNNING),
    Pair("silent", "lose", "adopt", False, RunState.LOST),
    Pair("silent", "adopt", "lose", False, RunState.RUNNING),
    Pair("silent", "lose", "lose", False, RunState.LOST),
    Pair("silent", "lose", "stop", False, RunState.LOST),
    Pair("silent", "stop", "lose", True, RunState.LOST),
    Pair("silent", "lose", "requeue", False, RunState.LOST),
    Pair("silent", "requeue", "lose", False, RunState.QUEUED),
    # what came too late is kept once, and only behind the end
    Pair("final", "record_late", "record_late", False, RunState.SUCCEEDED),
    Pair("final", "record_late", "stop", False, RunState.SUCCEEDED),
    Pair("silent", "lose", "record_late", False, RunState.LOST),
]


@pytest.fixture
def lines(database_url):
    """Connections of their own for the two who move, and for the one who holds the row."""
    with connect(database_url) as one, connect(database_url) as two, connect(database_url) as lock:
        yield one, two, lock


@pytest.fixture(scope="module")
def movers():
    """Two threads."""
    with ThreadPoolExecutor(2) as pool:
        yield pool


def make(conn, before: str) -> Run:
    """A run as it is before the two moves."""
    timeout = -1 if before == "expired" else None
    spec = {"timeout": 60, "grace": 10, "queue_timeout": timeout}
    run = runs.insert(conn, Wanted(template="t", spec=spec, trigger=Trigger.API, by="ada"))
    if before in ("running", "silent", "final"):
        run = MOVES["claim"](conn, run)
    if before == "silent":
        conn.execute("UPDATE runs SET lease_expires_at = now() - interval '1 second'")
    if before == "final":
        moves.finish(conn, run, DONE, actor="here.1.1", **OUTPUT)
    return run


def count_waiting(conn) -> int:
    """How many wait for a row."""
    row = conn.execute(
        """SELECT count(*) AS waiting FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'"""
    ).fetchone()
    return row["waiting"]


def name(pair: Pair) -> str:
    return f"{pair.before}: {pair.first}, {pair.second}"


@pytest.mark.parametrize("pair", TABLE, ids=name)
def test_of_two_moves_the_first_decides(conn, lines, movers, pair):
    one, two, lock = lines
    run = make(conn, pair.before)
    lock.execute("BEGIN")
    lock.execute("SELECT 1 FROM runs WHERE id = %s FOR UPDATE", [run.id])

    first = movers.submit(MOVES[pair.first], one, run)
    wait_until(lambda: count_waiting(conn) == 1)
    second = movers.submit(MOVES[pair.second], two, run)
    # What finds the row not to be one it could move does not wait for it.
    wait_until(lambda: second.done() or count_waiting(conn) == 2)
    lock.execute("COMMIT")

    assert first.result(), "the first was not made"
    assert bool(second.result()) is pair.is_second_made
    after = runs.find(conn, run.id)
    assert after.state is pair.after
    check(conn, after)


@pytest.mark.parametrize("before", ["queued", "expired", "running", "silent", "final"])
def test_whoever_wins_the_row_is_whole(conn, lines, movers, before):
    """Each two moves at once, in the order that comes of it."""
    one, two, _ = lines
    for first, second in permutations(MOVES, 2):
        if before in ("queued", "expired") and {first, second} & NEED_A_CLAIM:
            continue
        conn.execute("TRUNCATE runs CASCADE")
        run = make(conn, before)

        futures = [
            movers.submit(MOVES[move], line, run) for move, line in ((first, one), (second, two))
        ]
        for future in futures:
            future.result()

        check(conn, runs.find(conn, run.id))


#: What only somebody can do who has held the run.
NEED_A_CLAIM = {"append", "record_late", "renew"}


def check(conn, run: Run) -> None:
    """See that the row and its history are of one piece."""
    history = events.page(conn, run.id, after=0, limit=100)
    told = [event.kind for event in history if event.kind in FINAL]
    assert told == ([run.state] if run.is_final else [])
    states = [event.state for event in history]
    assert states[-1] == run.state
    assert (run.lease_token is not None) == (run.state is RunState.RUNNING)
    assert len(output.read(conn, run.id, 0).bytes) == run.output_bytes
    claimed = sum(event.kind == "claimed" for event in history)
    assert run.attempt == claimed - sum(event.kind == "released" for event in history)
