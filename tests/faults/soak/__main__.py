"""Random faults under load: `python3 -m app test --soak MINUTES [--seed N] [--json FILE]`.

One world after the other, with its callers; every few minutes a new one, so that what leaks has
time to be seen, and one disaster is not the end.
"""

import argparse
import os
import resource
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random

from app.bootstrap import terminal
from app.bootstrap.errors import BootstrapError
from app.bootstrap.terminal import say
from tests.faults.container import isolation
from tests.faults.soak.faults import FAULTS, Fault
from tests.faults.soak.life import Life, ViolatedError
from tests.faults.soak.load import Load
from tests.faults.soak.record import Record
from tests.faults.world import World, make_world

WORLD = 240.0  # seconds until the next world
FAULTS_UNTIL_REST = 8
PAIRS = 0.15  # share of moments in which two faults are done at once
BETWEEN = (0.0, 3.0)  # seconds without a fault
CALLERS = 1.0  # for each core; what share of the machine that took is told at the end


def minutes(text: str) -> float:
    """Read how long. Raise BootstrapError for what is no time."""
    with suppress(ValueError):
        if 0 < (value := float(text)) < float("inf"):
            return value
    raise BootstrapError(f"--soak wants a number of minutes above 0, not {text!r}")


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line. Whether there are minutes in it is told by `minutes`."""
    parser = argparse.ArgumentParser(prog="python3 -m app test --soak")
    parser.add_argument("minutes", nargs="?", default="", metavar="MINUTES", help="how long")
    parser.add_argument("--seed", type=int, help="of an earlier soak: the same faults in a row")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    return parser.parse_args(arguments)


class Soak:
    """All worlds, one after the other."""

    def __init__(self, seconds: float, seed: int) -> None:
        """Begin now."""
        self._began = time.monotonic()
        self._until = self._began + seconds
        self._random = Random(seed)
        self._evidence = Path(tempfile.gettempdir()) / f"curtain-soak-{os.getpid()}"
        self._callers = max(2, round(CALLERS * (os.cpu_count() or 1)))
        self.record = Record(seed)

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self._until

    def run(self) -> None:
        """Go on until the time is up."""
        if isolation() is None:
            say("this machine lets nobody make a PID namespace: no world has isolated runners")
        for number in count():
            self._live(is_isolated=bool(number % 2) and isolation() is not None)
            if self.is_over:
                break

    def _live(self, *, is_isolated: bool) -> None:
        self.record.worlds += 1
        say(f"world {self.record.worlds}, {'isolated' if is_isolated else 'shared'}")
        try:
            with make_world(is_isolated=is_isolated) as world:
                self._live_in(world, is_isolated=is_isolated)
        except ViolatedError:
            say("what explains it is kept; the next world")
        except Exception as error:
            say(traceback.format_exc())
            self.record.violations.append(f"the soak itself failed: {error!r}")

    def _live_in(self, world: World, *, is_isolated: bool) -> None:
        chances = Random(self._random.random())  # what is chosen does not hang on what is met
        load = Load(world, chances, self._callers)
        life = Life(load, chances, self.record, self._evidence)
        try:
            self._pass(life, self._choose(is_isolated=is_isolated))
        finally:
            load.close()
            self.record.runs += len(load.taken)
            self.record.ends.update(load.told.values())

    def _pass(self, life: Life, faults: Iterator[list[Fault]]) -> None:
        """Let a life pass."""
        until = min(self._until, time.monotonic() + WORLD)
        life.begin()
        for number in count(1):
            life.pause(*BETWEEN)
            life.hurt(next(faults))
            if time.monotonic() > until:
                break
            if number % FAULTS_UNTIL_REST == 0:
                life.rest()
        life.rest()
        life.end()

    def _choose(self, *, is_isolated: bool) -> Iterator[list[Fault]]:
        """Choose what comes next, for ever: each kind once before any comes again."""
        kinds = [each for each in FAULTS.values() if each.isolated in (None, is_isolated)]
        while True:
            for first in self._random.sample(kinds, len(kinds)):
                second = self._random.choice(kinds)
                alone = {first.subject, "everything"}
                is_pair = self._random.random() < PAIRS and first.subject != "everything"
                yield [first, second] if is_pair and second.subject not in alone else [first]

    def tell(self) -> None:
        """Print what there is to tell."""
        record = self.record
        print(record.table())
        ends = ", ".join(f"{number} {state}" for state, number in sorted(record.ends.items()))
        took = time.monotonic() - self._began
        cores = os.cpu_count() or 1
        share = _worked() / took / cores
        print(
            f"{took / 60:.1f} minutes, {record.worlds} worlds, {record.runs} runs ({ends}), "
            f"{len(record.violations)} violations, {share:.0%} of {cores} cores, "
            f"seed {record.seed}",
            flush=True,
        )
        if record.violations:
            print(f"what explains them is in {self._evidence}", flush=True)


def _worked() -> float:
    """Seconds that processors have worked for us and for what has ended below us."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def run(options: argparse.Namespace) -> int:
    """Soak, and tell of it however it ends."""
    seconds = minutes(options.minutes) * 60
    seed = Random().randrange(2**31) if options.seed is None else options.seed
    soak = Soak(seconds, seed)
    try:
        soak.run()
    finally:
        soak.tell()
        if options.json:
            soak.record.write(options.json)
    return 1 if soak.record.violations else 0


def main() -> int:
    """Run the command; however it ends, nothing that it has started is left."""
    options = parse(sys.argv[1:])
    return terminal.exit_code(lambda: run(options))


if __name__ == "__main__":
    sys.exit(main())
