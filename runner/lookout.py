"""The lookout: the part of the watchdog that looks after the runs of all machines."""

import logging
import time
from collections.abc import Callable
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError

from runner import queue
from runner.admission import Admitted
from runner.alerts import Alerts
from runner.firing import fire
from runner.hints import enqueue, hand_over, tell
from runner.judge import End, judge
from runner.machine import boot
from runner.notices import Notices
from runner.policy import Advice, View, advise
from runner.retention import Retention
from runner.round import Round
from runner.run import Run
from runner.settings import Settings
from runner.store import (
    counts,
    maintenance,
    moves,
    order,
    runs,
    schedules,
    stops,
    verdicts,
    watch,
)
from runner.store.connection import Connection, giving_way
from runner.traces import open_traces
from runner.vault import Vault

log = logging.getLogger(__name__)

FIRING = 8.0  # seconds of a round for schedules, of which each waits for a lock for one
MOST_DUE = 500  # schedules in one round: 4 seconds, on a busy machine; the others in the next


class Lookout:
    """Expires what waited too long, loses what vanished, enqueues what was forgotten."""

    def __init__(self, settings: Settings, redis: Redis, name: str) -> None:
        """Look with the lease of *settings*, as the watchdog of that *name*."""
        self._name = name
        self._settings = settings
        self._redis = redis
        self._alerts = Alerts()
        self._notices = Notices()
        self._retention = Retention(settings)
        self._traces = open_traces(settings, "curtain-runner")
        self._vault = Vault(settings.secret_key)
        #: Runs of schedules that were made in this round and are not yet enqueued.
        self._fired: list[Admitted] = []
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
        self._do(this, self._fire)
        try:
            self._enqueue_fired()
            self._enqueue_forgotten(this)
        except RedisError as error:
            log.warning("Redis is away, what it has forgotten is not enqueued: %s", error)
        for chore in (self._count, self._notice, *self._retention.chores()):
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

    def _fire(self, conn: Connection) -> None:
        """Run what schedules are due. The fault of one does not keep the others from it."""
        until, now = time.monotonic() + FIRING, watch.clock(conn)
        with giving_way(conn):
            due = schedules.due(conn, limit=MOST_DUE)
        for seen in due:
            if time.monotonic() > until:
                log.warning("schedules take long, the others come in the next round")
                break
            try:
                admitted = fire(conn, self._vault, seen, now)
            except Exception:
                if conn.closed:
                    raise
                log.exception("schedule %s: it is tried again in the next round", seen.name)
            else:
                if admitted is not None:
                    self._fired.append(admitted)

    def _enqueue_fired(self) -> None:
        """Enqueue what schedules have made. What Redis does not take it counts as forgotten.

        Not each where it is made: a Redis that is silent takes 36 seconds for every one (seen), and
        what is due meanwhile would be seen too late.
        """
        fired, self._fired = self._fired, []
        for admitted in fired:
            hand_over(self._redis, admitted)

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
        waiting = queue.waiting_among(self._redis, ready)
        missed = {run.id: self._missed.get(run.id, 0) + 1 for run in ready if run.id not in waiting}
        for run in runs.find_many(this.conn, missed) if missed else ():
            if advise(run, View(rounds_missed=missed[run.id])) is Advice.ENQUEUE:
                enqueue(self._redis, run)
                del missed[run.id]
                log.warning("run %d: enqueued again, the queue had forgotten it", run.id)
                this.verdicts["enqueued"] += 1
        self._missed = missed
