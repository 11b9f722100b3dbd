"""Checkouts by us and by others, side by side: the first one, reruns, many at once.

All ways take their turn, in an order of chance, before the next repetition: what else the machine
does hits them alike. The floor is that of git's own ways of writing a tree which is the quickest
here, with no more network than the situation asks for.
"""

import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from app.bootstrap import terminal
from tests.bench.checkout_figures import Checkout
from tests.bench.checkout_growth import grow, look_for_leaks
from tests.bench.checkout_ways import WRITERS, Floor, Wanted, Way, rivals
from tests.bench.forks import take_turn
from tests.bench.remote import Daemon, Remote, serve
from tests.bench.size import Size
from tests.bench.table import Measured

AT_ONCE = 8
FIRST: Final = "first run, by branch"
KNOWN: Final = "rerun, commit known"
WRITE: Final = "one of git's ways to write a tree"


def measure(size: Size) -> list[Measured]:
    """Compare the ways on each repository; then see what grows."""
    folder = Path(tempfile.mkdtemp(prefix="curtain-bench-"))
    measured: list[Measured] = []
    try:
        with serve(folder) as daemon:
            remotes = {files: daemon.make(files) for files, _ in size.checkouts}
            terminal.say("checkouts: repositories made")
            for files, repetitions in size.checkouts:
                contest = Contest(daemon, remotes[files], folder / f"ways-{files}")
                measured += contest.choose_floor(repetitions)
                measured += contest.compare(repetitions)
                terminal.say(f"checkouts: {files:,} files: measured")
            measured += grow(remotes[size.growing_files], folder / "growth", size.growing_runs)
            terminal.say("checkouts: disk measured")
            least = remotes[min(remotes)]
            measured += look_for_leaks(least, folder / "leaks", size.leak_checkouts)
    finally:
        shutil.rmtree(folder)
    return measured


def by_branch(remote: Remote, *, is_new: bool) -> list[Wanted]:
    """Ask for what the branch is at."""
    return [Wanted(remote.commit() if is_new else remote.head, by_branch=True, is_new=is_new)]


def known(remote: Remote) -> list[Wanted]:
    """Ask for the commit of the run before."""
    return [Wanted(remote.head)]


def many(remote: Remote) -> list[Wanted]:
    """Ask for commits that were pushed one after another, each by a run that was told which."""
    return [Wanted(remote.commit(), is_new=True) for _ in range(AT_ONCE)]


#: In the order in which they happen.
SITUATIONS: Final[dict[str, Callable[[Remote], list[Wanted]]]] = {
    FIRST: partial(by_branch, is_new=True),
    KNOWN: known,
    "rerun by branch, nothing new": partial(by_branch, is_new=False),
    "rerun by branch, a new commit": partial(by_branch, is_new=True),
    f"{AT_ONCE} at once, {AT_ONCE} new commits": many,
}


@dataclass
class Contest:
    """All ways on one repository."""

    daemon: Daemon
    remote: Remote
    folder: Path
    floor: str = ""
    _chance: random.Random = field(default_factory=lambda: random.Random(4))

    def choose_floor(self, repetitions: int) -> list[Checkout]:
        """Find the quickest of git's ways to write a tree of a commit that is here."""
        wanted = Wanted(self.remote.head, is_new=True)
        floors = [Floor(self.remote.url, self.folder / "floor", writer) for writer in WRITERS]
        self.folder.mkdir()
        take_turn([partial(floors[0].check_out, wanted, self.folder / "run")])
        shutil.rmtree(self.folder / "run")
        lines = {floor: self._line(WRITE, floor) for floor in floors}
        for _ in range(repetitions):
            self._round(known(self.remote), lines)
        self.floor = min(floors, key=lambda floor: lines[floor].wall.p50).writer
        return list(lines.values())

    def compare(self, repetitions: int) -> list[Checkout]:
        """Have every way through every situation."""
        floor = Floor(self.remote.url, self.folder / "floor", self.floor)
        ways = [floor, *rivals(self.remote.url, self.folder)]
        table = {name: {way: self._line(name, way) for way in ways} for name in SITUATIONS}
        for _ in range(repetitions):
            for name, ask in SITUATIONS.items():
                self._round(ask(self.remote), table[name], is_first=name == FIRST)
        for lines in table.values():
            for way in ways[1:]:
                lines[way].floor = lines[floor]
        table[KNOWN][ways[1]].has_aim = True
        return [line for lines in table.values() for line in lines.values()]

    def _line(self, situation: str, way: Way) -> Checkout:
        return Checkout(situation, self.remote.files, way.name)

    def _round(
        self, wanted: Sequence[Wanted], lines: dict[Way, Checkout], *, is_first: bool = False
    ) -> None:
        """Take a sample of each way."""
        for way in self._chance.sample(list(lines), len(lines)):
            if is_first:
                shutil.rmtree(way.home, ignore_errors=True)
                way.home.mkdir()
            self._sample(way, wanted, lines[way])

    def _sample(self, way: Way, wanted: Sequence[Wanted], line: Checkout) -> None:
        runs = [self.folder / f"run-{number}" for number in range(len(wanted))]
        before = self.daemon.connections
        turn = take_turn([partial(way.check_out, *each) for each in zip(wanted, runs, strict=True)])
        pairs = zip(wanted, turn.trees, strict=True)
        right = sum(each.commit.is_at(tree) for each, tree in pairs)
        line.add(turn, self.daemon.connections - before, right)
        for run in runs:
            shutil.rmtree(run, ignore_errors=True)
            run.with_name(f"{run.name}.index").unlink(missing_ok=True)
