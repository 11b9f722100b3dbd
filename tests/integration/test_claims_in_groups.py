"""A group has no more runs than its limit, whoever claims at once, and they start in order."""

import threading
from dataclasses import replace
from uuid import uuid4

import psycopg
import pytest

from runner.run import Run, RunState, Trigger
from runner.store import claims, maintenance, order, runs, stops
from runner.store.connection import connect
from runner.wanted import Wanted

SPEC = {"timeout": 60, "grace": 1, "concurrency": {"group": "prod", "when_busy": "queue"}}


@pytest.fixture
def insert(conn):
    """Queue a run of a group."""

    def insert_one(limit=1, group="prod", **spec) -> Run:
        concurrency = {**SPEC["concurrency"], "group": group, "limit": limit}
        spec = {**SPEC, **spec, "concurrency": concurrency}
        run = runs.insert(conn, Wanted(template="t", spec=spec, trigger=Trigger.API, by="ada"))
        assert run is not None
        return run

    return insert_one


def claim(conn, run: Run) -> Run | None:
    place = {"runner": "one", "machine": "here", "boot": "b"}
    return claims.claim(conn, run.id, **place, token=uuid4(), lease=60)


def finish(conn, run: Run) -> None:
    conn.execute(
        """UPDATE runs SET state = 'succeeded', phase = NULL, lease_token = NULL,
                  lease_expires_at = NULL, finished_at = now(), output_complete = true
            WHERE id = %s""",
        [run.id],
    )


def all_at_once(database_url: str, queued: list[Run]) -> list[Run]:
    """Claim each by a connection of its own, all in the same moment."""
    barrier, claimed = threading.Barrier(len(queued)), []

    def go(run: Run) -> None:
        with connect(database_url) as own:
            own.execute("SELECT 1")
            barrier.wait(60)
            if won := claim(own, run):
                claimed.append(won)

    threads = [threading.Thread(target=go, args=[run]) for run in queued]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return claimed


@pytest.mark.parametrize("limit", [1, 3])
def test_no_more_than_its_limit_however_many_claim_at_once(conn, database_url, insert, limit):
    for round_ in range(15):
        queued = [insert(limit, f"group-{round_}") for _ in range(8)]

        won = all_at_once(database_url, queued)

        # None behind the first ones: what was pushed first is not deployed last.
        assert {run.id for run in won} <= {run.id for run in queued[:limit]}
        assert len(order.running_in_group(conn, f"group-{round_}")) == len(won)
        ready = order.ready_in_group(conn, f"group-{round_}")
        assert {run.id for run in (*won, *ready)} == {run.id for run in queued[:limit]}


def test_two_claims_that_saw_the_same_free_slot_are_one(conn, database_url, insert):
    """Forced: the first claim is not committed while the second looks for a slot."""
    first, second = insert(limit=2), insert(limit=2)
    with connect(database_url) as own, connect(database_url) as other:
        own.execute("BEGIN")
        assert claim(own, first)
        told = []
        thread = threading.Thread(target=lambda: told.append(claim(other, second)))
        thread.start()
        await_lock(conn, other, thread)
        own.execute("COMMIT")
        thread.join(60)

    assert told == [None]
    assert [run.id for run in order.ready_in_group(conn, "prod")] == [second.id]
    assert claim(conn, second)


def test_the_next_one_starts_when_one_has_ended(conn, insert):
    first, second, third = insert(), insert(), insert()
    assert claim(conn, second) is None
    assert claim(conn, first)
    assert claim(conn, second) is None
    assert order.ready_in_group(conn, "prod") == []

    finish(conn, first)

    assert claim(conn, third) is None
    assert [run.id for run in order.ready_in_group(conn, "prod")] == [second.id]
    assert claim(conn, second)


def test_the_first_is_the_one_of_the_highest_priority(conn, insert):
    low, normal, high = (insert(priority=name) for name in ("low", "normal", "high"))

    for run in (high, normal, low):
        ready = order.ready_in_group(conn, "prod")
        assert [each.id for each in ready] == [run.id]
        claimed = claim(conn, run)
        assert claimed
        finish(conn, claimed)


def test_who_has_waited_too_long_or_is_not_due_holds_nobody_up(conn, insert):
    expired, later, run = insert(queue_timeout=60), insert(), insert()
    conn.execute("UPDATE runs SET queue_expires_at = now() WHERE id = %s", [expired.id])
    conn.execute("UPDATE runs SET not_before = now() + '1 hour' WHERE id = %s", [later.id])

    assert claim(conn, expired) is None
    assert claim(conn, later) is None
    assert claim(conn, run)


def test_groups_do_not_wait_for_each_other_nor_others_for_them(conn, insert):
    one, other = insert(group="one"), insert(group="other")
    alone = runs.insert(
        conn, Wanted(template="t", spec={"timeout": 60}, trigger=Trigger.API, by="ada")
    )
    behind = insert(group="one")

    ready = [run.id for run in order.ready(conn, older_than=-1)]

    assert ready == [one.id, other.id, alone.id]
    assert claim(conn, one)
    assert claim(conn, other)
    assert claim(conn, alone)
    assert claim(conn, behind) is None
    assert order.ready(conn, older_than=-1) == []


def test_a_queue_that_nobody_serves_keeps_none_of_another_from_being_looked_at(conn, insert):
    for each in range(4):
        insert(group=f"a-{each}", queue="nobody")
        wanted = Wanted(
            template="t", spec={"timeout": 60, "queue": "nobody"}, trigger=Trigger.API, by="ada"
        )
        runs.insert(conn, wanted)
    low = runs.insert(conn, replace(wanted, spec={"timeout": 60, "priority": "low"}))
    high = runs.insert(conn, replace(wanted, spec={"timeout": 60, "priority": "high"}))
    grouped = insert(group="b", queue="dmz")

    ready = [run.id for run in order.ready(conn, older_than=-1, limit=3)]

    assert len(ready) == 6
    assert {low.id, high.id, grouped.id} <= set(ready)


def test_a_limit_of_its_own_template_counts_all_of_the_group(conn, insert):
    wide, narrow = insert(limit=2), insert(limit=1)
    assert claim(conn, wide)

    assert claim(conn, narrow) is None


def test_nothing_is_claimed_while_all_is_paused(conn, insert):
    run = insert()
    maintenance.pause(conn, by="ada", reason="new disks")

    assert claim(conn, run) is None
    maintenance.resume(conn)
    assert claim(conn, run)


def test_a_stopped_one_holds_nobody_up(conn, insert):
    first, second = insert(), insert()
    stopped = stops.request_stop(conn, first.id, by="grace", reason=None, force=False)
    assert stopped is not None
    assert stopped.state is RunState.STOPPED

    assert claim(conn, second)


def await_lock(conn, waiter, thread) -> None:
    """Wait until the connection *waiter* waits for a lock."""
    waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = %s"
    while not conn.execute(waits, [waiter.info.backend_pid]).fetchone():
        assert thread.is_alive()


def test_a_pause_is_told_when_no_claim_is_under_way_any_more(conn, database_url, insert):
    """Forced: the claim has begun, and waits for its row, when all is to be paused."""
    run, later = insert(group="one"), insert(group="other")
    told: list[RunState] = []
    with (
        connect(database_url) as holder,
        connect(database_url) as claiming,
        connect(database_url) as pausing,
    ):
        holder.execute("BEGIN")
        holder.execute("SELECT FROM runs WHERE id = %s FOR UPDATE", [run.id])
        first = threading.Thread(target=claim, args=[claiming, run])
        first.start()
        await_lock(conn, claiming, first)

        def pause() -> None:
            maintenance.pause(pausing, by="ada", reason=None)
            told.append(runs.find(pausing, run.id).state)

        second = threading.Thread(target=pause)
        second.start()
        await_lock(conn, pausing, second)
        assert told == []
        holder.execute("COMMIT")
        first.join(60)
        second.join(60)

    assert told == [RunState.RUNNING]
    assert claim(conn, later) is None


def test_a_claim_that_began_before_a_pause_was_committed_is_none(conn, database_url, insert):
    run = insert()
    told = []
    with connect(database_url) as pausing, connect(database_url) as claiming:
        pausing.execute("BEGIN")
        maintenance.pause(pausing, by="ada", reason=None)
        thread = threading.Thread(target=lambda: told.append(claim(claiming, run)))
        thread.start()
        await_lock(conn, claiming, thread)
        pausing.execute("COMMIT")
        thread.join(60)

    assert told == [None]


def test_who_knows_nothing_of_groups_claims_nothing_of_one(conn, insert):
    """The version before does not name a slot, and no index would count its run."""
    run = insert()

    with pytest.raises(psycopg.errors.CheckViolation):
        conn.execute(
            """UPDATE runs SET state = 'running', phase = 'preparing',
                      lease_token = gen_random_uuid(), lease_expires_at = now() WHERE id = %s""",
            [run.id],
        )
