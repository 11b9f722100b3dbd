"""What no run waits for: the watchdog does it, and no run's end is delayed by it."""

import threading
from uuid import uuid4

import psycopg
import pytest

from runner import clients
from runner.run import RunState, Trigger
from runner.settings import Settings
from runner.store import claims, runs
from runner.store.connection import Line
from runner.wanted import Wanted
from runner.watchdog import Watchdog
from tests.api import TOKEN
from tests.runners import SPEC
from tests.waiting import wait_until

LEASE = 3  # seconds


@pytest.fixture
def watching(database_url, redis_url):
    """A watchdog at work."""
    settings = Settings.from_environ(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "CURTAIN_ADMIN_TOKEN": TOKEN,
            "CURTAIN_SECRET_KEY": "a-key-of-the-tests",
            "RUNNER_LEASE": str(LEASE),
        }
    )
    line = Line(database_url)
    watchdog = Watchdog(settings, clients.connect(redis_url), line)
    thread = threading.Thread(target=watchdog.watch)
    thread.start()
    yield watchdog
    watchdog.closing.set()
    thread.join()
    line.close()


@pytest.fixture
def vanished(conn):
    """A run whose runner was elsewhere, and is not heard of any more."""
    wanted = Wanted(template="deploy", spec=SPEC, trigger=Trigger.API, by="ada")
    run = claims.claim(
        conn,
        runs.insert(conn, wanted).id,
        runner="away",
        machine="away",
        boot="away",
        token=uuid4(),
        lease=0.1,
    )
    conn.execute("UPDATE runs SET leader_pid = 7 WHERE id = %s", [run.id])
    return run


@pytest.mark.parametrize("table", ["counters", "audit", "deliveries", "schedules"])
def test_a_lock_on_what_is_only_kept_for_people_delays_no_end(
    database_url, conn, vanished, table, request
):
    with psycopg.connect(database_url) as other:
        # As CREATE INDEX and VACUUM FULL do, or a count that has hung.
        other.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        request.getfixturevalue("watching")

        wait_until(lambda: runs.find(conn, vanished.id).is_final)

    assert runs.find(conn, vanished.id).state is RunState.LOST
