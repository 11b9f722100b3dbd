"""Stops by us and by others, side by side: how long they take, and who survives them.

A family is seen from outside, by pidfds of all its members opened before the stop; who is left
five seconds later is looked for once more on the whole machine, by the mark in the environment.
"""

import itertools
import math
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil

from app.bootstrap import terminal
from runner import family
from tests.bench.outcome import LOOKS, Outcome, Stop
from tests.bench.sightings import Watch, weigh
from tests.bench.size import Size
from tests.bench.stack import SLEEP, Stack, open_stack
from tests.bench.ways import Way, ways
from tests.living import living
from tests.playbooks import ASYNC, SETSID, SLEEPING
from tests.runners import PYTHON
from tests.waiting import wait_until

ALONE = 5  # runs started together to be stopped one by one
#: Share of the free memory that a cell may take: beyond it the machine is measured, not the stop.
ROOM = 0.6
MB = 2**20
WORTH_WEIGHING = 100  # hosts of a batch; fewer fit on any machine that can run the tests
LOOK = 0.5  # seconds between two looks at whether all tasks sleep

#: What else is stopped, on one host and one by one: what leaves the session, and how many sleep.
ESCAPES = {"setsid": (SETSID, 2), "async": (ASYNC, 2)}


@dataclass(frozen=True)
class Cell:
    """What is stopped: the same for every way."""

    playbook: str
    text: str
    hosts: int
    at_once: int
    #: Sleeping tasks of one run.
    sleeps: int
    #: How many are started together.
    batch: int


class TooMuch(Exception):
    """The machine is too small for the cell."""


def measure(size: Size) -> list[Outcome]:
    """Fill the table: each cell by all ways, in turns."""
    with open_stack(RUNNER_SLOTS=str(max(ALONE, *size.stopping_at_once))) as stack:
        return [outcome for cell in _cells(size) for outcome in _fill(stack, cell, size)]


def _cells(size: Size) -> Iterator[Cell]:
    alone = min(ALONE, size.stopping_samples)
    for hosts, at_once in itertools.product(size.stopping_hosts, size.stopping_at_once):
        yield Cell("sleep", SLEEPING, hosts, at_once, hosts, at_once if at_once > 1 else alone)
    for name, (text, sleeps) in ESCAPES.items():
        yield Cell(name, text, 1, 1, sleeps, alone)


def _fill(stack: Stack, cell: Cell, size: Size) -> list[Outcome]:
    project = stack.declare(cell.text, _inventory(cell.hosts), forks=cell.hosts)
    outcomes = {
        way: Outcome(way.name, cell.playbook, cell.hosts, cell.at_once)
        for way in ways(stack, project, cell.hosts)
    }
    try:
        _check_room(stack, cell, next(iter(outcomes)))
        for _ in range(math.ceil(size.stopping_samples / cell.batch)):
            for way, outcome in outcomes.items():
                outcome.stops += _round(way, cell, size.stopping_patience)
    except TooMuch as why:
        for outcome in outcomes.values():
            outcome.note = "" if outcome.stops else str(why)
    terminal.say(f"stopping: {cell.playbook}, {cell.hosts} hosts, {cell.at_once} at once: done")
    return list(outcomes.values())


def _inventory(hosts: int) -> str:
    return "".join(f"host{n} ansible_connection=local {PYTHON}\n" for n in range(1, hosts + 1))


def _check_room(stack: Stack, cell: Cell, way: Way) -> None:
    """Weigh one run where many are to come. Raise TooMuch when they would not fit."""
    if cell.batch * cell.hosts < WORTH_WEIGHING:
        return
    (run,) = _start(way, cell, 1, patience=60)
    members = [member.pid for member in stack.family(run)]
    wanted = weigh(members).pss * cell.batch
    way.stop([run])
    free = psutil.virtual_memory().available / MB * ROOM
    if wanted > free:
        raise TooMuch(f"skipped: {wanted:,.0f} MB of Ansible, {free:,.0f} MB may be taken")


def _start(way: Way, cell: Cell, count: int, patience: float) -> list[int]:
    """Start runs until every task of each sleeps. Raise TooMuch when that takes too long."""
    runs = way.start(count)

    def all_sleep() -> bool:
        families = family.find(way.installation)
        commands = ([member.command for member in families.get(run, ())] for run in runs)
        return all(each.count(SLEEP) >= cell.sleeps for each in commands)

    try:
        wait_until(all_sleep, timeout=patience, interval=LOOK)
    except AssertionError:
        way.stop(runs)
        _end_survivors(way)
        raise TooMuch(f"skipped: not all asleep within {patience:g} s") from None
    return runs


def _round(way: Way, cell: Cell, patience: float) -> list[Stop]:
    """Start a batch, stop it, count who is left, and end those."""
    try:
        runs = _start(way, cell, cell.batch, patience)
        families = family.find(way.installation)
        watches = {run: Watch.of(member.pid for member in families[run]) for run in runs}
        said = {}
        for first in range(0, len(runs), cell.at_once):
            said |= way.stop(runs[first : first + cell.at_once])
        last_look = max(each.over for each in said.values()) + LOOKS[-1]
        wait_until(lambda: _are_gone(watches.values()) or time.monotonic() > last_look, timeout=60)
        left = len(living(way.installation))
        seen = sum(watch.alive_at(time.monotonic()) for watch in watches.values())
        stops = [Stop.seen(watches[run], said[run].began, said[run].over) for run in runs]
    finally:
        _end_survivors(way)
    stops[-1].unseen = max(0, left - seen)
    return stops


def _are_gone(watches: Iterable[Watch]) -> bool:
    return all(watch.gone_at is not None for watch in watches)


def _end_survivors(way: Way) -> None:
    """End what a way has left, by the mark."""
    while left := living(way.installation):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
