"""The watchdog: rows against processes, both ways, in rounds.

Each machine's families are looked at by every watchdog on it; what concerns all machines is done
by the one that has the watch. It runs in every runner, and alone as `python -m runner.watchdog`.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections import Counter

from redis import Redis

from runner import clients, family, logs, machine
from runner.alarm import turn_deaf
from runner.caretaker import Caretaker
from runner.directories import sweep_directories
from runner.left_passwords import sweep_passwords
from runner.lookout import Lookout
from runner.round import Round, Sight
from runner.settings import Settings
from runner.store import runs, watch
from runner.store.connection import AWAY, Line
from runner.store_settings import SettingsInvalid

log = logging.getLogger(__name__)


class Watchdog:
    """Makes rows and processes agree, one round after another."""

    def __init__(self, settings: Settings, redis: Redis, line: Line) -> None:
        """Watch with a line and a client of its own."""
        self._settings = settings
        self._line = line
        self.name = f"watchdog {machine.process_name(settings.machine)}"
        self.closing = threading.Event()
        # Shorter than what is left of a lease that was to be renewed when all began to stand still.
        self._sight = Sight(settings.lease - settings.beat)
        self._caretaker = Caretaker(settings, redis)
        self._lookout = Lookout(settings, redis, self.name)
        #: Verdicts that Postgres has not been told of.
        self._untold: Counter[str] = Counter()

    def watch(self) -> None:
        """Do rounds until `closing` is set."""
        while not self.closing.is_set():
            try:
                self.reconcile()
            except AWAY as error:
                self._line.lose(error)
            except Exception:
                log.exception("a round of the watchdog failed")
            self.closing.wait(self._settings.round)
        self._leave()

    def _leave(self) -> None:
        """Let the next watchdog begin at once."""
        try:
            watch.leave(self._line.conn(), self.name)
        except AWAY as error:
            log.warning("left without a word to Postgres: %s", error)

    def reconcile(self) -> Round:
        """One round, and what came of it. Raise what AWAY names when Postgres goes away in it."""
        began = time.monotonic()
        this = self._begin()
        try:
            self._caretaker.care(this)
            has_watch = watch.take(this.conn, self.name, lease=self._settings.watch)
            if has_watch:
                self._lookout.look(this)
            sweep_directories(this.conn, self._settings.runs_directory)
            sweep_passwords()
        finally:
            self._untold += this.verdicts  # also those before a fault
        this.seconds = time.monotonic() - began
        if has_watch or self._untold:
            watch.note(this.conn, self.name, seconds=this.seconds, verdicts=self._untold)
            self._untold.clear()
        return this

    def _begin(self) -> Round:
        conn = self._line.conn()
        up_since = self._line.up_since
        unbroken = self._sight.look(up_since)
        installation = runs.installation(conn)
        # Families first: one whose row is final by the time we read it must have died before.
        began = time.monotonic()
        families = family.find(installation)
        looking = time.monotonic() - began
        return Round(
            conn=conn,
            watchdog=self.name,
            installation=installation,
            now=watch.clock(conn),
            sight=self._sight,
            up_since=up_since,
            unbroken=unbroken,
            families=families,
            looking=looking,
        )


def main() -> int:
    """`python -m runner.watchdog`: watch alone, until SIGTERM."""
    logs.configure()
    try:
        settings = Settings.from_environ(os.environ)
    except SettingsInvalid as error:
        log.error("%s", error)
        return 2
    # Taken by sigwait and no handler: that would interrupt this thread while it has the lock of the
    # event that it is to set, and both would wait for ever.
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    redis = clients.connect(settings.redis_url)
    watchdog = Watchdog(settings, redis, Line(settings.database_url))
    watching = threading.Thread(target=watchdog.watch, name="watchdog")
    watching.start()
    signal.sigwait(ends)
    turn_deaf()
    watchdog.closing.set()
    watching.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
