"""The watchdog: rows against processes, both ways, in rounds.

Each machine's families are looked at by every watchdog on it; what concerns all machines is done
by the one that has the watch. It runs in every runner, and alone as `python -m runner.watchdog`.
"""

import logging
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError

from runner import bell, clients, family, keys, linux, logs, machine, queue
from runner.judge import End, judge
from runner.policy import Advice, View, advise
from runner.record import read_lines, recall
from runner.run import Run
from runner.settings import Settings
from runner.store import events, moves, runs, verdicts, watch
from runner.store.connection import AWAY, Connection, Line

log = logging.getLogger(__name__)

ROUND = 5.0  # seconds between two rounds
WATCH = 20.0  # seconds without a round after which another watchdog looks after all machines
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
            self.closing.wait(ROUND)
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
        if watch.take(conn, self.name, lease=WATCH):
            self._reconcile_everywhere(conn, families)

    # This machine

    def _reconcile_here(self, conn: Connection, families: dict[int, list[family.Member]]) -> None:
        known = {run.id: run for run in runs.find_many(conn, families)}
        for run_id in families:
            run = known.get(run_id)
            if advise(run, self._view(run, families)) is Advice.END:
                self._end(conn, run_id, run)
        for run in runs.running_on(conn, self._settings.machine, machine.boot()):
            if advise(run, self._view(run, families)) is Advice.SETTLE:
                self._settle(conn, run)

    def _view(self, run: Run | None, families: dict[int, list[family.Member]]) -> View:
        if run is None:
            return View(family_is_alive=True)
        is_here = run.boot == machine.boot() and run.machine == self._settings.machine
        since = self._line.up_since
        return View(
            is_here=is_here,
            runner_is_alive=is_here and machine.runner_is_alive(str(run.runner)),
            family_is_alive=run.id in families,
            unbroken=time.monotonic() - since if since is not None else 0.0,
            lease=self._settings.lease,
        )

    def _members(self, conn: Connection, run_id: int) -> list[family.Member]:
        return family.find(runs.installation(conn)).get(run_id, [])

    def _end(self, conn: Connection, run_id: int, run: Run | None) -> None:
        """End a family without a row, or whose row is final."""
        ended = family.end(lambda: self._members(conn, run_id), END_GRACE)
        detail = {"terminated": ended.terminated, "killed": ended.killed}
        state = run.state if run else "unknown"
        log.warning("run %d: %s, but its family lived: %s", run_id, state, detail)
        if run is not None:
            events.append(conn, run_id, "family_ended", self.name, detail)

    def _settle(self, conn: Connection, run: Run) -> None:
        """Its runner is dead: end what is left, then write what the keeper has seen."""
        adopted = verdicts.adopt(
            conn, run, actor=self.name, token=uuid4(), lease=self._settings.lease
        )
        if adopted is None:
            return
        self._await_keeper(run)
        ended = family.end(lambda: self._members(conn, run.id), END_GRACE)
        if ended.survivors:
            named = [
                {"pid": member.pid, "uid": linux.user(member.pid), "command": member.command}
                for member in ended.survivors
            ]
            if named != run.survivors:
                moves.record_survivors(conn, adopted, named)
            return
        if self._release(conn, adopted):
            return
        end = recall(read_lines(Path(str(run.directory)) / "status.jsonl"))
        verdict = judge(adopted, end or End(exit_code=None, why="orphaned"))
        moves.finish(conn, adopted, verdict, actor=self.name, complete=False, truncated=False)
        log.warning("run %d: %s: %s", run.id, verdict.state, verdict.message)
        shutil.rmtree(str(run.directory), ignore_errors=True)
        self._redis.publish(keys.TAIL, run.id)

    def _release(self, conn: Connection, run: Run) -> bool:
        """Queue a run again whose gate was never reached: nothing of it has run, or ever can."""
        if run.stop_requested_at is not None or run.lease_token is None:
            return False
        return moves.release(conn, run.id, run.lease_token, actor=self.name) is not None

    def _await_keeper(self, run: Run) -> None:
        """Let a keeper that lost its runner finish its work: it knows best."""
        deadline = time.monotonic() + END_GRACE * 2
        record = Path(str(run.directory)) / "status.jsonl"
        while record.exists() and time.monotonic() < deadline:
            if recall(read_lines(record)) is not None:
                return
            time.sleep(0.02)

    # All machines

    def _reconcile_everywhere(
        self, conn: Connection, families: dict[int, list[family.Member]]
    ) -> None:
        for run in verdicts.expire(conn, actor=self.name):
            log.warning("run %d: %s", run.id, run.message)
        for run in runs.stale(conn):
            if advise(run, self._view(run, families)) is Advice.LOSE:
                self._lose(conn, run)
        self._enqueue_forgotten(conn)

    def _lose(self, conn: Connection, run: Run) -> None:
        if self._release(conn, run):
            return
        message = f"its runner {run.runner} was last heard of at {run.heartbeat_at:%F %T %Z}"
        if verdicts.lose(conn, run, actor=self.name, message=message):
            log.error("run %d: lost: %s", run.id, message, extra={"run": run.id})
            self._redis.publish(keys.TAIL, run.id)

    def _enqueue_forgotten(self, conn: Connection) -> None:
        queued = runs.queued(conn, older_than=1.0)
        waiting = queue.waiting(self._redis) if queued else set()
        missed = {
            run.id: self._missed.get(run.id, 0) + 1 for run in queued if run.id not in waiting
        }
        for run in queued:
            view = View(rounds_missed=missed.get(run.id, 0))
            if advise(run, view) is Advice.ENQUEUE:
                queue.enqueue_again(self._redis, run.id, timeout=run.spec["timeout"])
                bell.ring(self._redis, start=run.id)
                del missed[run.id]
                log.warning("run %d: enqueued again, the queue had forgotten it", run.id)
        self._missed = missed


def main() -> int:
    """`python -m runner.watchdog`: watch alone, until SIGTERM."""
    logs.configure()
    settings = Settings.from_environ(os.environ)
    redis = clients.connect(settings.redis_url)
    watchdog = Watchdog(settings, redis, Line(settings.database_url))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: watchdog.closing.set())
    watchdog.watch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
