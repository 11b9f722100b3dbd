"""The lookout: the part of the watchdog that looks after the runs of all machines."""

import logging
from collections.abc import Callable
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError

from runner import queue
from runner.alerts import Alerts
from runner.hints import enqueue, tell
from runner.judge import End, judge
from runner.machine import boot
from runner.notices import Notices
from runner.policy import Advice, View, advise
from runner.retention import forget_old
from runner.round import Round
from runner.run import Run
from runner.settings import Settings
from runner.store import counts, maintenance, moves, order, runs, stops, verdicts
from runner.store.connection import Connection, giving_way
from runner.traces import open_traces

log = logging.getLogger(__name__)


class Lookout:
    """Expires what waited too long, loses what vanished, enqueues what was forgotten."""

    def __init__(self, settings: Settings, redis: Redis, name: str) -> None:
        """Look with the lease of *settings*, as the watchdog of that *name*."""
        self._name = name
        self._settings = settings
        self._redis = redis
        self._alerts = Alerts()
        self._notices = Notices()
        self._traces = open_traces(settings, "curtain-runner")
        #: Queued runs that RQ's queue did not have, and in how many rounds.
        self._missed: dict[int, int] = {}

    def look(self, this: Round) -> None:
        """Look at every run that waits, is stale, or is being stopped."""
        for run in verdicts.expire(this.conn, actor=this.watchdog):
            log.warning("run %d: %s", run.id, run.message)
            this.verdicts["expired"] += 1
        stale = runs.stale(this.conn)
        this.look_again()
        for run in stale:
            if advise(run, self._view(this, run)) is Advice.LOSE:
                this.alone(run.id, self._lose, run)
        for run in self._alerts.sound(stops.under_way(this.conn), this.now):
            this.alone(run.id, self._note_stuck, run)
        try:
            self._enqueue_forgotten(this)
        except RedisError as error:
            log.warning("Redis is away, what it has forgotten is not enqueued: %s", error)
        for chore in (self._count, self._notice, _forget):
            self._do(this, chore)

    def _do(self, this: Round, chore: Callable[[Connection], None]) -> None:
        """Do what no run waits for; its fault ends no round, and is no absence of Postgres.

        A lock on the counters made every round lose its line, so that nothing was ever lost (seen).
        """
        try:
            chore(this.conn)
        except Exception:
            if this.conn.closed:
                raise
            log.exception("a chore of the watchdog failed: %s", chore.__name__)
        this.look_again()  # several slow ones are no standing still

    def _notice(self, conn: Connection) -> None:
        for run in self._notices.look(conn, self._name):
            tell(self._redis, run)

    def _count(self, conn: Connection) -> None:
        with giving_way(conn):
            _, ended = counts.count_ends(conn)
            counts.count_old(conn)
        if self._traces is not None and ended:
            for run in runs.find_many(conn, ended):
                self._traces.tell(run)

    def _view(self, this: Round, run: Run) -> View:
        """As the caretaker of its machine sees it more closely: here it is never lost."""
        is_here = run.boot == boot() and run.machine == self._settings.machine
        unbroken, lease = this.unbroken, self._settings.lease
        return View(is_here=is_here, holder_is_alive=is_here, unbroken=unbroken, lease=lease)

    def _note_stuck(self, this: Round, run: Run) -> None:
        if noted := verdicts.note_stuck(this.conn, run, actor=this.watchdog):
            tell(self._redis, noted)

    def _lose(self, this: Round, run: Run) -> None:
        if run.leader_pid is None:  # never registered: nothing has run, or ever can
            self._settle_unstarted(this, run)
            return
        message = f"its runner {run.runner} was last heard of at {run.heartbeat_at:%F %T %Z}"
        if lost := verdicts.lose(this.conn, run, actor=this.watchdog, message=message):
            log.error("run %d: lost: %s", run.id, message, extra={"run": run.id})
            this.verdicts["lost"] += 1
            tell(self._redis, lost)

    def _settle_unstarted(self, this: Round, run: Run) -> None:
        """Queue it again, or stop it if that was asked for."""
        if released := moves.release(this.conn, run, actor=this.watchdog):
            this.verdicts["requeued"] += 1
            tell(self._redis, released)
        elif run.stop_requested_at:
            lease = self._settings.lease
            ours = verdicts.adopt(this.conn, run, actor=this.watchdog, token=uuid4(), lease=lease)
            if ours is not None:
                self._stop_unstarted(this, ours)

    def _stop_unstarted(self, this: Round, ours: Run) -> None:
        verdict = judge(ours, End(exit_code=None, why="stop", never_started=True))
        actor = this.watchdog
        stopped = moves.finish(
            this.conn, ours, verdict, actor=actor, complete=True, truncated=False
        )
        if stopped is not None:
            this.verdicts["settled"] += 1
            tell(self._redis, stopped)

    def _enqueue_forgotten(self, this: Round) -> None:
        if maintenance.find(this.conn):
            return  # what is taken by nobody need not be in the queue
        ready = order.ready(this.conn, older_than=1.0)
        waiting = queue.waiting(self._redis, {(run.queue, run.priority) for run in ready})
        missed = {run.id: self._missed.get(run.id, 0) + 1 for run in ready if run.id not in waiting}
        for run in (run for run in ready if run.id in missed):
            if advise(run, View(rounds_missed=missed[run.id])) is Advice.ENQUEUE:
                enqueue(self._redis, run)
                del missed[run.id]
                log.warning("run %d: enqueued again, the queue had forgotten it", run.id)
                this.verdicts["enqueued"] += 1
        self._missed = missed


def _forget(conn: Connection) -> None:
    with giving_way(conn):
        forget_old(conn)
