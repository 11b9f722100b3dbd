"""Where what comes after a run has an end, and what it gives way to."""

from uuid import uuid4

import pytest

from runner.follow import DEEPEST
from runner.judge import Verdict
from runner.run import RunState
from runner.store import claims, lists, moves, verdicts
from tests.integration.follow_ups.chains import (
    FAILING,
    PLACE,
    after,
    end,
    newest,
)


def test_a_circle_has_an_end(bench, declare, run_it, make):
    declare("round", FAILING, then=[{"template": "round"}])
    run_it("round")
    worker = make()
    for _ in range(DEEPEST):
        end(bench, newest(bench, "round"))
        assert worker.follow_up()
    last = newest(bench, "round")
    assert last.chain_depth == DEEPEST

    end(bench, last)
    assert worker.follow_up()

    assert newest(bench, "round").id == last.id
    assert "have started each other" in bench.events(last, "not_chained")[0].detail["why"]


@pytest.mark.parametrize(
    ("when_busy", "action", "kind"),
    [("coalesce", "supersede", "superseded"), ("replace", "replace", "replaced")],
)
def test_what_gives_a_chained_run_its_place_is_audited(
    bench, declare, run_it, make, when_busy, action, kind
):
    group = {"group": "prod", "when_busy": when_busy}
    declare("held", FAILING, concurrency=group)
    declare("first", FAILING, then=[{"template": "held"}])
    older = run_it("held")
    if when_busy == "replace":
        assert claims.claim(bench.conn, older.id, **PLACE, token=uuid4(), lease=60)
    first = run_it("first")
    end(bench, first)

    assert make().follow_up()

    newer = newest(bench, "held")
    assert newer.chained_from == first.id
    assert bench.find(older).is_stopping or bench.find(older).state is RunState.STOPPED
    audited = bench.conn.execute(
        "SELECT actor, target, template, address, detail FROM audit WHERE action = %s",
        [f"run.{action}"],
    ).fetchall()
    assert audited == [
        {
            "actor": newer.triggered_by,
            "target": f"run {older.id}",
            "template": "held",
            "address": None,
            "detail": {f"{kind}_by": newer.id},
        }
    ]


@pytest.mark.parametrize("when_busy", ["coalesce", "replace"])
def test_a_retry_takes_the_place_of_nothing_newer(bench, declare, run_it, make, when_busy):
    group = {"group": "prod", "when_busy": when_busy}
    declare("flaky", FAILING, concurrency=group, retry={"delay": 0, "on": ["failed"]})
    older = run_it("flaky")
    end(bench, older, RunState.FAILED)
    newer = run_it("flaky")
    assert claims.claim(bench.conn, newer.id, **PLACE, token=uuid4(), lease=60)
    declare("waits", FAILING, concurrency={"group": "prod"})
    waiting = run_it("waits")

    assert make().follow_up()

    assert not bench.find(newer).is_stopping
    assert bench.find(waiting).state is RunState.QUEUED
    assert newest(bench, "flaky").id == newer.id
    why = bench.events(older, "not_retried")[0].detail["why"]
    assert f"run {newer.id}" in why


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.SUCCEEDED, RunState.LOST])
def test_nothing_comes_after_a_stop_that_was_too_late(bench, declare, run_it, make, state):
    declare("tidy", FAILING)
    then = [{"template": "tidy", "when": "always"}]
    declare("first", FAILING, then=then, retry={"delay": 0, "on": ["failed"]})
    run = run_it("first")
    claimed = claims.claim(bench.conn, run.id, **PLACE, token=uuid4(), lease=60)
    assert bench.stop(run).is_stopping

    verdict = Verdict(state=state, message="", exit_code=2)
    moves.finish(bench.conn, claimed, verdict, actor="r", complete=True, truncated=False)

    assert make().follow_up()
    assert newest(bench, "first").id == run.id
    assert newest(bench, "tidy") is None
    assert after(bench, run) == []


def test_what_nobody_took_is_not_tried_again(bench, declare, run_it, make):
    declare("late", FAILING, queue_timeout=1, retry={"delay": 0, "on": ["failed"]})
    run = run_it("late")
    bench.conn.execute("UPDATE runs SET queue_expires_at = now() - interval '1 s'")
    verdicts.expire(bench.conn, actor="w")

    assert bench.find(run).state is RunState.FAILED
    assert make().follow_up()
    assert newest(bench, "late").id == run.id


def test_a_chain_that_branches_has_an_end(bench, declare, run_it, make, monkeypatch):
    monkeypatch.setattr("runner.follow.MOST", 10)
    declare("round", FAILING, then=[{"template": "round"}] * 3)
    run_it("round")
    worker = make()
    while waiting := lists.page(bench.conn, limit=50, states=[RunState.QUEUED]):
        for run in waiting:
            end(bench, run)
        while worker.follow_up():
            pass

    assert len(lists.page(bench.conn, limit=50, template="round")) == 11
