"""Postgres goes away, is slow, full, locked or read-only: nothing is done twice, nothing is lost.

Outages are scaled by the lease: two leases here are six seconds, outside a minute.
"""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
import pytest

from app.problems import MEDIA_TYPE
from runner.run import RunState
from runner.settings import Settings
from runner.store import stops
from tests.faults.outages import away, holder_and_other, let_pass, stay_single
from tests.waiting import wait_until

#: Of a web process, which a request holds for its queries only.
CONNECTIONS: int = Settings.model_fields["connections"].default

pytestmark = pytest.mark.timeout(300)  # a world takes its time on a busy machine
isolated = pytest.mark.parametrize("empty_world", ["isolated"], indirect=True)


@pytest.fixture
def asking():
    """Calls that a test does not wait for."""
    with ThreadPoolExecutor(max_workers=2 * CONNECTIONS) as pool:
        yield pool.submit


@pytest.fixture
def patient_world(empty_world):
    """A world whose lease is to its delays what thirty seconds are to a second."""
    world = empty_world
    serving = (*world.webs, *world.runners.values())
    for container in serving:
        container.start(RUNNER_LEASE="15")
    for container in serving:
        container.await_ready()
    return world


def is_stopped(world, run):
    """Wait for its end, which must be that of a stop that left nobody."""
    assert world.await_final(run).state is RunState.STOPPED
    assert world.family(run) == []


def is_refused(answer):
    """Whether the caller was told that it could not be done now."""
    return answer.status == 503 and answer.headers["Content-Type"] == MEDIA_TYPE


def insist(ask, *given, **named):
    """Ask again and again, as callers do who are told 503, until it is answered."""
    return wait_until(lambda: (got := ask(*given, **named)).status != 503 and got)


# It is away


def test_postgres_is_restarted(world):
    ending = world.await_ready(world.trigger("brief"))
    lasting = world.await_ready(world.trigger("sleeping"))

    with away(world, database=True):
        pass

    queued = insist(world.ask_for, "quick", key="after")
    assert insist(world.stop, lasting, web=1).status == 202
    is_stopped(world, lasting)
    stay_single(world, [ending, *(run for run in world.rows() if run.id == queued.json["id"])])


def test_postgres_is_away_over_a_start_an_output_and_an_end(world):
    """For two leases: the gate of one run stays shut, another one prints and ends."""
    ending = world.await_ready(world.trigger("brief", seconds=2))
    lasting = world.await_ready(world.trigger("sleeping"))
    keepers = [idle for runner in world.runners.values() for idle in idle_keepers(world, runner)]
    for keeper in keepers:
        keeper.suspend()
    starting = world.trigger("quick")
    world.await_phase(starting, "preparing")

    with away(world, database=True):
        for keeper in keepers:
            keeper.resume()
        assert is_refused(world.ask_for("quick", key="refused"))
        wait_until(lambda: len(world.living()[lasting.id]) and not world.living().get(ending.id))
        let_pass(2)
        assert world.executions(starting) == []

    stay_single(world, [ending, starting])
    insist(world.stop, lasting)
    is_stopped(world, lasting)


def idle_keepers(world, runner):
    """Those of its keepers that hold no run."""
    at_work = {run.keeper_pid for run in world.rows()}
    return [keeper for keeper in runner.keepers() if keeper.pid not in at_work]


@contextmanager
def backends_killed(world) -> Iterator[None]:
    """End every connection of everybody, again and again, after 0.2 to 1 s."""
    is_over = threading.Event()

    def kill() -> None:
        pauses = (0.2, 1.0, 0.4, 0.7, 0.3)  # s
        with psycopg.connect(world.database.url, autocommit=True) as conn:
            while not is_over.is_set():
                for pause in pauses:
                    conn.execute(
                        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                            WHERE application_name = 'curtain'"""
                    )
                    is_over.wait(pause)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        is_over.set()
        killer.join()


def test_connections_are_killed_all_the_time(world):
    """While runs play, print, stop and end; they are asked for before, and stopped directly."""
    names = ("brief", "flooding", "sleeping", "ignoring")
    brief, flooding, *endless = [world.trigger(name) for name in names]
    with backends_killed(world):
        for run in endless:
            wait_until(lambda run=run: b"ready" in world.output(run))
            stops.request_stop(world.conn, run.id, by="admin", reason="because", force=False)

        for run in endless:
            is_stopped(world, run)
        stay_single(world, [brief, flooding])


# The web has none to lend


@contextmanager
def locked(world) -> Iterator[None]:
    """Let all that the web writes wait."""
    with world.moves_held():
        yield


@contextmanager
def frozen(world) -> Iterator[None]:
    """Let nothing come back to one web."""
    world.webs[0].postgres.black_hole()
    yield
    world.webs[0].postgres.restore()


@pytest.mark.parametrize("withheld", [locked, frozen])
def test_more_callers_than_connections(world, asking, withheld):
    """Each is told 503, or late that it is done; asked again with its key, it is done once."""
    keys = [f"caller-{number % 3}" for number in range(CONNECTIONS + 8)]
    with withheld(world):
        asked = [asking(world.ask_for, "quick", key=key) for key in keys]
        wait_until(lambda: any(each.done() for each in asked))
        assert world.webs[1].client.call("GET", "/runs").status == 200

    answers = [each.result() for each in asked]
    assert any(is_refused(answer) for answer in answers)
    assert all(is_refused(answer) or answer.status == 202 for answer in answers)
    for key in set(keys):
        assert insist(world.ask_for, "quick", key=key).status == 202
    assert len(world.rows()) == len(set(keys))
    stay_single(world, world.rows())


# It is silent


@isolated
@pytest.mark.parametrize("name", ["sleeping", "brief"])
def test_postgres_is_a_black_hole_for_one_runner(world, name):
    """After a lease its run is lost; what it says when it is back is kept beside that."""
    run = world.await_ready(world.trigger(name))
    holder, other = holder_and_other(world, run)
    holder.postgres.black_hole()

    assert world.await_final(run).state is RunState.LOST
    stay_single(world, [world.trigger("quick")])
    holder.postgres.restore()

    wait_until(lambda: world.find(run).late_result)
    wait_until(lambda: world.living().get(run.id) is None)
    now = world.find(run)
    assert (now.state, now.machine) == (RunState.LOST, holder.machine)
    assert len(world.executions(run)) == 1
    assert other.is_alive


def test_postgres_is_a_black_hole_for_all(world):
    """For two leases: all leases have run out, and their owners are the first to be heard."""
    lasting = world.await_ready(world.trigger("sleeping"))
    ending = world.await_ready(world.trigger("brief"))
    for container in world.containers:
        container.postgres.black_hole()
    let_pass(2)

    for container in world.containers:
        container.postgres.restore()

    stay_single(world, [ending])
    insist(world.stop, lasting)
    is_stopped(world, lasting)


def test_postgres_answers_half_a_second_late(patient_world):
    world = patient_world
    for container in world.containers:
        container.postgres.delay(0.5)

    ending = insist(world.ask_for, "quick", key="slow").json["id"]
    lasting = world.await_ready(world.trigger("sleeping", web=1))
    insist(world.stop, lasting)

    is_stopped(world, lasting)
    stay_single(world, [run for run in world.rows() if run.id == ending])


# It is changed under them


def test_a_column_is_added_while_runs_play(world):
    lasting = world.await_ready(world.trigger("sleeping"))
    ending = world.await_ready(world.trigger("brief"))

    world.conn.execute("ALTER TABLE runs ADD COLUMN of_tomorrow text NOT NULL DEFAULT 'x'")

    after = world.trigger("quick")
    assert world.stop(lasting).status == 202
    is_stopped(world, lasting)
    stay_single(world, [ending, after])


def test_a_migration_holds_all_runs_for_longer_than_a_lease(world):
    """One and a half: nobody could renew a lease, and so nobody has lost one."""
    lasting = world.await_ready(world.trigger("sleeping"))
    ending = world.await_ready(world.trigger("brief"))
    with psycopg.connect(world.database.url) as conn:
        conn.execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
        let_pass(1.5)

    stay_single(world, [ending])
    insist(world.stop, lasting)
    is_stopped(world, lasting)


@contextmanager
def read_only(world) -> Iterator[None]:
    """Let Postgres be as a standby is until it takes over."""
    set_read_only(world, "on")
    try:
        yield
    finally:
        set_read_only(world, "off")


def set_read_only(world, value):
    world.conn.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    world.conn.execute("SELECT pg_reload_conf()")
    shown = "SELECT current_setting('default_transaction_read_only') AS value"
    wait_until(lambda: world.conn.execute(shown).fetchone()["value"] == value)


def test_postgres_is_read_only_for_a_moment(world):
    """For a lease and a bit: leases run out, and what ends meanwhile is written later."""
    lasting = world.await_ready(world.trigger("sleeping"))
    ending = world.await_ready(world.trigger("brief"))
    with read_only(world):
        assert is_refused(world.ask_for("quick", key="refused"))
        assert is_refused(world.stop(lasting))
        assert world.webs[1].client.call("GET", f"/runs/{lasting.id}").json["state"] == "running"
        let_pass(1.2)

    stay_single(world, [ending])
    assert insist(world.stop, lasting).status == 202
    is_stopped(world, lasting)
