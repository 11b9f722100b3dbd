"""Runs, while Postgres or Redis is away."""

import time
from contextlib import contextmanager

import psycopg
import pytest
from psycopg.rows import dict_row
from redis import Redis

from runner.run import RunState
from runner.store import stops
from runner.store.migrate import migrate
from tests import playbooks
from tests.playbooks import printing
from tests.runners import Bench
from tests.servers import own_servers
from tests.waiting import wait_until


def test_a_flushed_redis_loses_no_run(bench, start, counted, plays, redis):
    runner = start(RUNNER_SLOTS="1", RUNNER_LEASE="6")  # a round of the watchdog's is a sixth
    url = counted(3)
    first = bench.trigger(url)
    bench.await_output(first, b"ready")
    second = bench.trigger(url)

    redis.flushdb()

    assert bench.await_final(first).state is RunState.SUCCEEDED
    assert bench.await_final(second).state is RunState.SUCCEEDED
    assert plays() == [first.id, second.id]
    assert runner.process.poll() is None


@pytest.fixture
def servers():
    """A Postgres and a Valkey that can be taken away."""
    with own_servers() as (database, cache):
        migrate(database.url)
        yield database, cache


@pytest.fixture
def fragile(servers, bench):
    """A bench on servers that can be taken away."""
    database, cache = servers
    environ = {**bench.environ, "DATABASE_URL": database.url, "REDIS_URL": cache.url}
    bench.environ.update(environ)
    with connected(database, cache, environ) as connected_bench:
        yield connected_bench


@contextmanager
def connected(database, cache, environ):
    """A bench with connections of its own."""
    with (
        psycopg.connect(database.url, autocommit=True, row_factory=dict_row) as conn,
        Redis.from_url(cache.url) as redis,
    ):
        yield Bench(conn, redis, environ)


@pytest.mark.parametrize("who", ["redis", "postgres"])
def test_a_run_outlives_a_service_that_is_away(fragile, start, servers, counted, plays, who):
    """Longer than its lease, over heartbeats, output and the playbook's end."""
    server = servers[0] if who == "postgres" else servers[1]
    runner = start(RUNNER_LEASE="3")
    run = fragile.trigger(counted(4))
    fragile.await_output(run, b"ready")

    server.stop()
    wait_until(lambda: fragile.family(run) == [])
    server.start()

    with connected(*servers, fragile.environ) as bench:
        final = bench.await_final(run)
        assert final.state is RunState.SUCCEEDED
        assert final.output_complete
        assert b"PLAY RECAP" in bench.output(run)
    assert plays() == [run.id]
    assert runner.process.poll() is None


def test_a_stop_works_without_redis(fragile, start, servers, playbook):
    start()
    run = fragile.trigger(playbook(playbooks.SLEEPING).url)
    fragile.await_output(run, b"ready")
    servers[1].stop()

    fragile.stop(run)
    final = fragile.await_final(run)

    assert final.state is RunState.STOPPED
    assert fragile.family(run) == []
    servers[1].start()


def test_a_run_triggered_without_redis_is_played(fragile, start, servers, counted, plays):
    start(RUNNER_LEASE="6")
    servers[1].stop()
    run = fragile.trigger(counted(0))
    servers[1].start()

    assert fragile.await_final(run).state is RunState.SUCCEEDED
    assert plays() == [run.id]


def test_a_flood_while_postgres_is_away_stops_no_playbook(fragile, start, servers, playbook):
    """More than waits in memory goes to disk, and all of it arrives."""
    start()
    slow = playbooks.HELLO.replace("- debug", "- pause: seconds=3\n    - debug")
    repository = playbook(slow, **printing("b'x' * 6_000_000"))
    before = fragile.await_final(fragile.trigger(repository.url))
    run = fragile.trigger(repository.url)
    wait_until(lambda: fragile.find(run).phase == "playing", interval=0.001)

    servers[0].stop()
    wait_until(lambda: fragile.family(run))
    wait_until(lambda: fragile.family(run) == [])
    servers[0].start()

    with connected(*servers, fragile.environ) as bench:
        final = bench.await_final(run)
        assert (final.state, final.output_complete) == (RunState.SUCCEEDED, True)
        assert bench.output(final) == bench.output(before)


@pytest.mark.parametrize("force", [False, True], ids=["graceful", "forced"])
def test_a_frozen_redis_delays_neither_stop_nor_end(fragile, start, servers, playbook, force):
    runner = start()
    run = fragile.trigger(playbook(playbooks.SLEEPING).url)
    fragile.await_output(run, b"ready")
    servers[1].freeze()

    began = time.monotonic()
    stops.request_stop(fragile.conn, run.id, by="grace", reason=None, force=force)
    final = fragile.await_final(run, timeout=10)
    code = runner.terminate()

    assert final.state is RunState.STOPPED
    assert fragile.family(run) == []
    assert code == 0
    assert time.monotonic() - began < 15
    servers[1].thaw()
