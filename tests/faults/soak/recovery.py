"""Whether a world is well again: it plays, it stops, and no row tells of what is dead."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import NamedTuple

import psycopg

from runner.run import RunState
from tests.faults.container import LEASE
from tests.faults.soak.caller import Caller
from tests.faults.soak.load import Load
from tests.waiting import wait_until

BOUND = 90.0  # seconds; a lease, a rest of the watchdog's, and a busy machine

#: Rows of runners that are not heard of any more, or whose lease has run out.
UNSETTLED = """
    SELECT id FROM runs WHERE state = 'running' AND (lease_expires_at < now() OR holder NOT IN
        (SELECT name FROM runners WHERE beat_at > now() - make_interval(secs => %s)))
"""


class Recovery(NamedTuple):
    """Seconds from the end of a fault until something was well."""

    #: Every row was settled.
    rows: float
    #: A run triggered then had succeeded.
    play: float
    #: Another one had been stopped when it played.
    stop: float

    def __str__(self) -> str:
        return f"rows {self.rows:.1f}, play {self.play:.1f}, stop {self.stop:.1f}"


def recover(load: Load, random: Random, since: float) -> Recovery:
    """Wait until all is well; tell how long that took *since* a time of the monotonic clock."""

    def timed(step: Callable[[], None]) -> float:
        step()
        return time.monotonic() - since

    rows = partial(wait_until, partial(_is_settled, load), timeout=BOUND, interval=0.05)
    probes = [partial(probe, load, load.caller(random)) for probe in (_play, _stop)]
    with ThreadPoolExecutor() as pool:
        return Recovery(*pool.map(timed, [rows, *probes]))


def _is_settled(load: Load) -> bool:
    try:
        return load.world.conn.execute(UNSETTLED, [LEASE]).fetchone() is None
    except psycopg.OperationalError:
        return False  # our own connection was of before


def _play(load: Load, caller: Caller) -> None:
    run_id = load.take(caller, "quick")
    load.see_end(caller, run_id)
    _expect(load, run_id, RunState.SUCCEEDED)


def _stop(load: Load, caller: Caller) -> None:
    run_id = load.take(caller, "sleeping")
    caller.await_playing(run_id, BOUND)
    caller.stop(run_id)
    load.see_end(caller, run_id)
    _expect(load, run_id, RunState.STOPPED)


def _expect(load: Load, run_id: int, state: RunState) -> None:
    found = load.told.get(run_id)
    assert found == state, f"run {run_id}, triggered after the fault, is {found} and not {state}"
