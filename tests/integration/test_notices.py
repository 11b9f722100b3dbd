"""Who is told in time: a limit nearly reached, and what takes longer than it usually does."""

from uuid import uuid4

import pytest

from runner.judge import Verdict
from runner.notices import Notices
from runner.run import Run, RunState, Trigger
from runner.store import claims, counts, moves, runs
from runner.wanted import Wanted

SPEC = {"timeout": 1000, "grace": 1, "notifications": []}


@pytest.fixture
def begin(conn):
    """Let a run begin so many seconds ago."""

    def begin_one(ago: float = 0, template: str = "t", **spec) -> Run:
        wanted = Wanted(template=template, spec={**SPEC, **spec}, trigger=Trigger.API, by="ada")
        run = runs.insert(conn, wanted)
        place = {"runner": "r", "machine": "m", "boot": "b"}
        claimed = claims.claim(conn, run.id, **place, token=uuid4(), lease=60)
        conn.execute(
            "UPDATE runs SET claimed_at = now() - make_interval(secs => %s) WHERE id = %s",
            [ago, run.id],
        )
        return claimed

    return begin_one


@pytest.fixture
def usual(conn, begin):
    """Have so many runs succeed after so many seconds."""

    def end(number: int, seconds: float, template: str = "t") -> None:
        for _ in range(number):
            run = begin(seconds, template)
            verdict = Verdict(state=RunState.SUCCEEDED, message="", exit_code=0)
            moves.finish(conn, run, verdict, actor="r", complete=True, truncated=False)
        counts.count_ends(conn)

    return end


def kinds(conn, run: Run) -> list[str]:
    rows = conn.execute("SELECT kind FROM run_events WHERE run_id = %s ORDER BY id", [run.id])
    return [row["kind"] for row in rows.fetchall() if row["kind"] in ("ends_soon", "slow")]


def look(conn) -> list[int]:
    return [run.id for run in Notices().look(conn, "watchdog")]


def test_a_limit_that_is_nearly_reached_is_told_of_once(conn, begin):
    near, far = begin(910), begin(500)

    assert look(conn) == [near.id]
    assert look(conn) == []
    assert (kinds(conn, near), kinds(conn, far)) == (["ends_soon"], [])


def test_what_takes_twice_as_long_as_nearly_all_is_told_of_once(conn, begin, usual):
    usual(6, 30)
    slow, normal = begin(100), begin(50)

    assert look(conn) == [slow.id]
    assert look(conn) == []
    assert (kinds(conn, slow), kinds(conn, normal)) == (["slow"], [])


def test_where_too_few_have_ended_nobody_knows_what_is_usual(conn, begin, usual):
    usual(4, 30)
    begin(500)

    assert look(conn) == []


def test_what_is_short_anyway_is_never_slow(conn, begin, usual):
    usual(6, 0.1)
    begin(9)

    assert look(conn) == []


def test_what_is_being_stopped_is_not_told_of(conn, begin):
    run = begin(910)
    conn.execute("UPDATE runs SET stop_requested_at = now() WHERE id = %s", [run.id])

    assert look(conn) == []


@pytest.mark.parametrize("on", ["ends_soon", "always"])
def test_whoever_wants_to_know_is_told(conn, begin, on):
    target = {"kind": "email", "to": ["ops@example.org"]}
    run = begin(910, notifications=[{"on": [on], "to": target}])

    look(conn)

    told = conn.execute("SELECT occasion FROM notifications WHERE run_id = %s", [run.id])
    assert [row["occasion"] for row in told.fetchall()] == ["ends_soon"]
