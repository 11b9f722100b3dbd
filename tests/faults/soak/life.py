"""The life of one world in a soak: it is hurt, it recovers, and now and then it is looked at."""

import re
import shutil
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import NoReturn

from app.bootstrap.terminal import say
from runner.store import events, runs
from tests.faults.checks import violations
from tests.faults.soak.causes import Deed, unexplained
from tests.faults.soak.faults import Fault
from tests.faults.soak.load import Load
from tests.faults.soak.record import Record
from tests.faults.soak.recovery import recover
from tests.faults.world import World


class ViolatedError(Exception):
    """Something was not true in this world, and was told; it is not worth any more faults."""


class Life:
    """Faults in a world, one after the other, and what they did to it."""

    def __init__(self, load: Load, random: Random, record: Record, evidence: Path) -> None:
        """Have a world with *load*; what is wrong in it is kept in a folder of *evidence*."""
        self.load = load
        self.world: World = load.world
        self._random = random
        self._record = record
        self._evidence = evidence
        self._deeds: list[Deed] = []
        self._kind = "none"

    def begin(self) -> None:
        """Start everything."""
        self.world.start()
        self.world.start(*self.world.watchdogs)
        self.load.begin()

    def hurt(self, faults: Sequence[Fault]) -> None:
        """Do *faults* at once, undo them, and wait until the world is well."""
        self._kind = faults[0].name if len(faults) == 1 else "two at once"
        touched = sum(not run.is_final for run in self.world.rows())
        line = self._record.line(self._kind)
        line.times += 1
        line.touched += touched
        names = " + ".join(fault.name for fault in faults)
        began_at = time.time()
        try:
            self._suffer(faults)
            undone_at = time.monotonic()
            self._revive()
            recovery = recover(self.load, self._random, undone_at)
        except AssertionError as error:
            self._tell([f"{names}: {error}"])
        self._deeds.append(Deed(tuple(faults), began_at, time.time()))
        line.recoveries.append(max(recovery))
        say(f"{names:45} {max(recovery):5.1f} s ({recovery})  {len(self.load.taken)} runs")

    def _suffer(self, faults: Sequence[Fault]) -> None:
        with ExitStack() as undoing:
            for fault in faults:
                undoing.enter_context(fault.act(self.world, self._random))
                self.pause(*fault.lasts)

    def _revive(self) -> None:
        """Start what is dead, as a platform does; nobody may have died by himself."""
        dead = [each.name for each in self.world.containers if each.has_died]
        self.world.recover()
        assert not dead, f"ended without anybody's doing: {dead}"

    def pause(self, least: float, most: float) -> None:
        """Let the load go on for a while."""
        self.load.is_over.wait(self._random.uniform(least, most))

    def rest(self) -> None:
        """Let all come to its end, and look for lies."""
        try:
            with self.load.silence():
                self.world.await_rest()
                found = [
                    *self.load.complaints,
                    *violations(self.world),
                    *unexplained(self.load, self._deeds),
                ]
        except AssertionError as error:
            found = [*self.load.complaints, f"the callers do not come to an end: {error}"]
        if found:
            self._tell(found)

    def end(self) -> None:
        """Stop everything as a platform does; nothing may live afterwards."""
        self.load.close()
        self.world.stop_all()
        if living := self.world.living():
            self._tell([f"alive when all has ended: {living}"])

    def _tell(self, lies: list[str]) -> NoReturn:
        """Print what is wrong and keep what explains it."""
        line = self._record.line(self._kind)
        line.violations += len(lies)
        self._record.violations += lies
        folder = self._evidence / f"world-{self._record.worlds}"
        folder.mkdir(parents=True, exist_ok=True)
        for log in [*self.world.folder.glob("*.log"), self.world.reports / "ledger"]:
            if log.exists():
                shutil.copy(log, folder)
        told = [f"VIOLATION after {self._story()}", *lies, *self._witnesses(lies)]
        (folder / "violation.txt").write_text("\n".join(told))
        say("\n  ".join(told))
        raise ViolatedError

    def _story(self) -> str:
        last = [" + ".join(fault.name for fault in deed.faults) for deed in self._deeds[-8:]]
        return f"{self._kind} (before: {', '.join(last)})"

    def _witnesses(self, lies: list[str]) -> list[str]:
        """Give the rows and histories of the runs that are named."""
        told = []
        for number in sorted({int(each) for each in re.findall(r"\brun (\d+)", "\n".join(lies))}):
            if run := runs.find(self.world.conn, number):
                told.append(f"{run}")
                history = events.page(self.world.conn, number, after=0, limit=1000)
                told += [f"  {event}" for event in history]
        return told
