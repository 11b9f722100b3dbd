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
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError

from runner import bell, clients, family, keys, linux, logs, machine, queue
from runner.directories import sweep_directories
from runner.judge import End, judge
from runner.leaving import listed, unspared, without_left
from runner.policy import Advice, View, advise
from runner.record import read_lines, recall
from runner.run import Run
from runner.settings import Settings, SettingsInvalid
from runner.settlement import settle
from runner.store import events, moves, runs, verdicts, watch
from runner.store.connection import AWAY, Connection, Line

log = logging.getLogger(__name__)

END_GRACE = 2.0  # seconds from terminate to kill for a family that has no right to live


class Watchdog:
    """Makes rows and processes agree, one round after another."""

    def __init__(self, settings: Settings, redis: Redis, line: Line) -> None:
        """Watch with a line and a client of its own."""
        self._settings = settings
        self._redis = redis
        self._line = line
        self.name = f"watchdog {machine.process_name(settings.machine)}"
        self.closing = threading.Event()
        #: Queued runs that RQ's queue did not have, and in how many rounds.
        self._missed: dict[int, int] = {}

    def watch(self) -> None:
        """Do rounds until `closing` is set."""
        while not self.closing.is_set():
            try:
                self.reconcile()
            except AWAY as error:
                self._line.lose(error)
            except RedisError as error:
                log.warning("Redis is away, the round is not whole: %s", error)
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

    def reconcile(self) -> None:
        """One round. Raise what AWAY names when Postgres goes away in it."""
        conn = self._line.conn()
        # Families first: one whose row is final by the time we read it must have died before.
        families = family.find(runs.installation(conn))
        self._reconcile_here(conn, families)
        if watch.take(conn, self.name, lease=self._settings.watch):
            self._reconcile_everywhere(conn, families)
        sweep_directories(conn, self._settings.runs_directory)

    def _alone(self, run_id: int, step: Callable[..., None], *given: object) -> None:
        """Take a step for one run whose fault must not end the round for the others."""
        try:
            step(*given)
        except (*AWAY, RedisError):
            raise
        except Exception:
            log.exception("run %d: the watchdog could not settle it", run_id)

    # This machine

    def _reconcile_here(self, conn: Connection, families: dict[int, list[family.Member]]) -> None:
        known = {run.id: run for run in runs.find_many(conn, families)}
        families = without_left(families, known)
        for run_id in families:
            run = known.get(run_id)
            if advise(run, self._view(run, families)) is Advice.END:
                self._alone(run_id, self._end, conn, run_id, run)
        for run in runs.running_on(conn, self._settings.machine, machine.boot()):
            if advise(run, self._view(run, families)) is Advice.SETTLE:
                self._alone(run.id, self._settle, conn, run)

    def _view(self, run: Run | None, families: dict[int, list[family.Member]]) -> View:
        if run is None:
            return View(family_is_alive=True)
        is_here = run.boot == machine.boot() and run.machine == self._settings.machine
        since = self._line.up_since
        is_another = run.holder != self.name  # what we hold ourselves we have not settled yet
        return View(
            is_here=is_here,
            runner_is_alive=is_another and is_here and machine.process_is_alive(str(run.holder)),
            family_is_alive=run.id in families,
            unbroken=time.monotonic() - since if since is not None else 0.0,
            lease=self._settings.lease,
        )

    def _members(
        self, conn: Connection, run_id: int, left: Iterable[dict[str, Any]] = ()
    ) -> list[family.Member]:
        """Find the family of a run, but for the async jobs it has *left*."""
        return unspared(listed(left), family.find(runs.installation(conn)).get(run_id, []))

    def _end(self, conn: Connection, run_id: int, run: Run | None) -> None:
        """End a family without a row, or whose row is final."""
        left = run.left_running if run else []
        if not self._members(conn, run_id, left):
            return  # it ended while we looked
        ended = family.end(lambda: self._members(conn, run_id, left), END_GRACE)
        detail = {"terminated": ended.terminated, "killed": ended.killed}
        state = run.state if run else "unknown"
        log.warning("run %d: %s, but its family lived: %s", run_id, state, detail)
        if run is not None:
            events.append(conn, run_id, "family_ended", self.name, detail)

    def _settle(self, conn: Connection, run: Run) -> None:
        """Its runner is dead: end what is left, then write what the keeper has seen."""
        ours = self._adopt(conn, run)
        if ours is None or keeper_is_at_work(run):
            return  # another was first; or the keeper knows best: until the next round
        end = recall(read_lines(record_of(run))) or End(
            exit_code=None, why="orphaned", never_started=run.leader_pid is None
        )
        ended = family.end(lambda: self._members(conn, run.id, end.left), END_GRACE)
        if ended.survivors:
            self._name_survivors(conn, ours, ended.survivors)
            return
        settled = settle(conn, ours, end, actor=self.name, complete=False, truncated=False)
        if settled is not None and settled.is_final:
            log.warning("run %d: %s: %s", run.id, settled.state, settled.message)
            self._redis.publish(keys.TAIL, str(run.id))
        elif settled is not None:
            self._enqueue(settled)

    def _adopt(self, conn: Connection, run: Run) -> Run | None:
        """Take the lease, or renew it if it is ours already."""
        lease = self._settings.lease
        if run.holder != self.name:
            return verdicts.adopt(conn, run, actor=self.name, token=uuid4(), lease=lease)
        token = run.lease_token
        return moves.renew(conn, [token], lease=lease).get(token) if token else None

    def _name_survivors(self, conn: Connection, run: Run, left: list[family.Member]) -> None:
        """Name them by program only: their arguments may hold secrets that we do not know."""
        named = [
            {
                "pid": member.pid,
                "uid": linux.user(member.pid),
                "command": member.command.partition(" ")[0],
            }
            for member in left
        ]
        if named != run.survivors:
            moves.record_survivors(conn, run, named)

    # All machines

    def _reconcile_everywhere(
        self, conn: Connection, families: dict[int, list[family.Member]]
    ) -> None:
        for run in verdicts.expire(conn, actor=self.name):
            log.warning("run %d: %s", run.id, run.message)
        for run in runs.stale(conn):
            if advise(run, self._view(run, families)) is Advice.LOSE:
                self._alone(run.id, self._lose, conn, run)
        self._enqueue_forgotten(conn)

    def _lose(self, conn: Connection, run: Run) -> None:
        if run.leader_pid is None:  # never registered: nothing has run, or ever can
            self._settle_unstarted(conn, run)
            return
        message = f"its runner {run.runner} was last heard of at {run.heartbeat_at:%F %T %Z}"
        if verdicts.lose(conn, run, actor=self.name, message=message):
            log.error("run %d: lost: %s", run.id, message, extra={"run": run.id})
            self._redis.publish(keys.TAIL, str(run.id))

    def _settle_unstarted(self, conn: Connection, run: Run) -> None:
        """Queue it again, or stop it if that was asked for."""
        if moves.release(conn, run, actor=self.name) is None and run.stop_requested_at:
            ours = self._adopt(conn, run)
            if ours is not None:
                verdict = judge(ours, End(exit_code=None, why="stop", never_started=True))
                moves.finish(conn, ours, verdict, actor=self.name, complete=True, truncated=False)

    def _enqueue_forgotten(self, conn: Connection) -> None:
        queued = runs.queued(conn, older_than=1.0)
        waiting = queue.waiting(self._redis) if queued else set()
        missed = {
            run.id: self._missed.get(run.id, 0) + 1 for run in queued if run.id not in waiting
        }
        for run in queued:
            view = View(rounds_missed=missed.get(run.id, 0))
            if advise(run, view) is Advice.ENQUEUE:
                self._enqueue(run)
                del missed[run.id]
                log.warning("run %d: enqueued again, the queue had forgotten it", run.id)
        self._missed = missed

    def _enqueue(self, run: Run) -> None:
        queue.enqueue_again(self._redis, run.id, timeout=run.spec["timeout"])
        bell.ring(self._redis, start=run.id)


def record_of(run: Run) -> Path:
    """The status file of a run's keeper."""
    return Path(run.directory or "/nonexistent") / "status.jsonl"


def keeper_is_at_work(run: Run) -> bool:
    """Whether the run's keeper lives and has not said yet that the family is gone."""
    if run.keeper_pid is None or recall(read_lines(record_of(run))) is not None:
        return False
    keeper = linux.read(run.keeper_pid)
    # Its leader was forked by it: what is younger than that is another process of its number.
    return bool(keeper and keeper.is_alive and keeper.created <= (run.leader_created or 0))


def main() -> int:
    """`python -m runner.watchdog`: watch alone, until SIGTERM."""
    logs.configure()
    try:
        settings = Settings.from_environ(os.environ)
    except SettingsInvalid as error:
        log.error("%s", error)
        return 2
    redis = clients.connect(settings.redis_url)
    watchdog = Watchdog(settings, redis, Line(settings.database_url))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watchdog.closing.set())
    watchdog.watch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
