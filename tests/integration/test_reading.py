"""Who reads a run's events, when two do, or when one stands still in the midst of it."""

import json
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from uuid import uuid4

import psycopg
import pytest

from runner.event_batch import Batch, gather
from runner.masks import Mask
from runner.run import Run, RunState, Trigger
from runner.store import claims, feed, hosts, reading, runs, stops, tasks, verdicts
from runner.store.connection import Connection, connect
from runner.store.reading import Reading
from runner.wanted import Wanted
from tests.runners import SPEC, THREE
from tests.waiting import wait_until

#: Lets nobody store a result for as long as somebody has this lock.
HOLD = """
CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1);
    RETURN NULL;
END $$;
CREATE TRIGGER hold AFTER INSERT ON run_results FOR EACH STATEMENT EXECUTE FUNCTION hold();
"""
HELD = """SELECT pid FROM pg_stat_activity
           WHERE wait_event = 'advisory' AND datname = current_database()"""
WAITING = """SELECT pid FROM pg_stat_activity
              WHERE wait_event = 'transactionid' AND datname = current_database()"""
LIMIT = 1000


@pytest.fixture
def running(conn: Connection) -> Run:
    """A run that somebody holds."""
    wanted = Wanted(template="deploy", spec=SPEC, trigger=Trigger.API, by="ada")
    queued = runs.insert(conn, wanted)
    assert queued is not None
    who = {"runner": "one", "machine": "here", "boot": "b"}
    run = claims.claim(conn, queued.id, token=uuid4(), lease=30, **who)
    assert run is not None
    return run


@pytest.fixture
def join(database_url: str) -> Iterator[Callable[[], Connection]]:
    """Makes connections for somebody else."""
    with ExitStack() as joined:
        yield lambda: joined.enter_context(closing(connect(database_url)))


@pytest.fixture
def aside() -> Iterator[Callable[..., Future]]:
    """Does something in another thread."""
    with ThreadPoolExecutor() as threads:
        yield threads.submit


def told(before: Reading, host: str) -> Batch:
    """A task, and its result on one host."""
    lines = [
        {"event": "task", "number": 1, "name": "a", "action": "a", "path": "a", "play": "a"},
        {"event": "result", "host": host, "task": 1, "status": "ok"},
    ]
    raw = [json.dumps({"at": 1, **line}).encode() for line in lines]
    return gather(raw, before.position, before.position + 10, Mask({}))


def adopt(conn: Connection, run: Run) -> Run:
    """Take the lease away from whoever has it."""
    ours = verdicts.adopt(conn, run, actor="two", token=uuid4(), lease=30)
    assert ours is not None
    return ours


def counts(conn: Connection, run: Run) -> tuple[list[str], dict[str, int], list[int]]:
    """Hosts with a result, how many are counted on each, and on each task."""
    stored = feed.page(conn, run.id, kinds=["result"], after=0, limit=100)
    how = {"is_known": False, "is_running": False, "after": "", "limit": 100}
    of_hosts = {host.host: host.ok for host in hosts.page(conn, run.id, **how)}
    of_tasks = tasks.page(conn, run.id, order="number", after=0, limit=100)
    return [each.host for each in stored], of_hosts, [task.ok for task in of_tasks]


def test_a_batch_whose_answer_was_lost_is_stored_once(conn, running):
    before = reading.begin(conn, running)
    batch = told(before, "a")

    first, again = (reading.store(conn, running, before, batch, LIMIT) for _ in range(2))

    assert first == again
    assert counts(conn, running) == (["a"], {"a": 1}, [1])


def test_whoever_has_lost_the_lease_stores_nothing(conn, running):
    before = reading.begin(conn, running)
    adopt(conn, running)

    assert reading.store(conn, running, before, told(before, "a"), LIMIT) is None
    assert reading.begin(conn, running) is None
    assert counts(conn, running) == ([], {}, [])


@pytest.fixture
def under_way(conn, running, join, aside):
    """A batch that stands still while it is stored, until the lock 1 is free."""
    before = reading.begin(conn, running)
    conn.execute(HOLD)
    conn.execute("SELECT pg_advisory_lock(1)")
    old = join()
    stored = aside(reading.store, old, running, before, told(before, "a"), LIMIT)
    wait_until(lambda: conn.execute(HELD).fetchall())
    yield stored
    old.close()


def test_the_next_reader_goes_on_behind_a_batch_that_was_under_way(
    conn, running, under_way, join, aside
):
    ours = adopt(conn, running)
    begun = aside(reading.begin, join(), ours)
    wait_until(lambda: conn.execute(WAITING).fetchall())

    conn.execute("SELECT pg_advisory_unlock(1)")

    after = begun.result()
    assert after == under_way.result()
    assert reading.store(conn, ours, after, told(after, "b"), LIMIT)
    assert reading.store(conn, running, after, told(after, "c"), LIMIT) is None
    assert counts(conn, running) == (["a", "b"], {"a": 1, "b": 1}, [2])


def test_the_next_reader_stores_a_batch_that_was_under_way_and_failed(
    conn, running, under_way, join, aside
):
    ours = adopt(conn, running)
    begun = aside(reading.begin, join(), ours)
    [held] = conn.execute(HELD).fetchall()

    conn.execute("SELECT pg_terminate_backend(%s)", [held["pid"]])

    after = begun.result()
    assert isinstance(under_way.exception(), psycopg.OperationalError)
    assert after.position == 0
    conn.execute("SELECT pg_advisory_unlock(1)")
    assert reading.store(conn, ours, after, told(after, "a"), LIMIT)
    assert reading.store(conn, running, after, told(after, "a"), LIMIT) is None
    assert counts(conn, running) == (["a"], {"a": 1}, [1])


def test_a_stop_waits_for_no_batch(conn, running, under_way):
    conn.execute("SET lock_timeout = 1")

    assert stops.request_stop(conn, running.id, by="grace", reason=None, force=False)

    assert not under_way.done()
    conn.execute("SELECT pg_advisory_unlock(1)")
    assert under_way.result().stored == 2


def test_no_move_is_seen_before_what_was_told_earlier(conn, running, under_way):
    def seen():
        page = feed.page(conn, running.id, kinds=["move", "task", "result"], after=0, limit=9)
        return [getattr(event, "kind", "result") for event in page]

    stops.request_stop(conn, running.id, by="grace", reason=None, force=False)
    assert seen() == []

    conn.execute("SELECT pg_advisory_unlock(1)")
    under_way.result()
    assert seen() == ["queued", "claimed", "task", "result", "stop_requested"]


NAPPING = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg=first
    - command: sleep 300
"""


def test_a_runner_that_is_frozen_while_it_stores_holds_nothing(bench, start, playbook, conn):
    """Its batch ends without it; a stop is asked at once, and another settles the run."""
    frozen = start(RUNNER_LEASE="2")
    conn.execute(HOLD)
    conn.execute("SELECT pg_advisory_lock(1)")
    run = bench.trigger(playbook(NAPPING).url, THREE)
    wait_until(lambda: conn.execute(HELD).fetchall())
    frozen.process.send_signal(signal.SIGSTOP)

    conn.execute("SET lock_timeout = 1")
    assert bench.stop(run, force=True)
    conn.execute("SELECT pg_advisory_unlock(1)")
    wait_until(lambda: not conn.execute(HELD).fetchall())
    conn.execute("SELECT FROM run_reading WHERE run_id = %s FOR UPDATE NOWAIT", [run.id])
    start(RUNNER_LEASE="2")
    ended = bench.await_final(run, 30)

    assert (ended.state, ended.events_complete) == (RunState.STOPPED, True)
    assert bench.family(run) == []
    frozen.process.send_signal(signal.SIGCONT)
    wait_until(lambda: bench.find(run).late_result)
    stored = [
        (each.task, each.host)
        for each in feed.page(conn, run.id, kinds=["result"], after=0, limit=9)
    ]
    assert sorted(stored) == [(1, "host1"), (1, "host2"), (1, "host3")]
