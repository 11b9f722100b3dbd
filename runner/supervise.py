"""The runner: one process, one loop, all pids. It takes runs, holds them, settles their ends.

An RQ worker in the books (`rq info` shows it), but it forks no Python and uses none of RQ's stop
commands: those leave ansible's workers alive, and may kill the worker itself (RQ 3.0.0).
Postgres decides and may be away, Redis hastens and may be away; the loop goes on.
"""

import logging
import os
import selectors
import signal
import time
from collections import deque
from types import FrameType

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from runner import groups, keys, linux, machine
from runner.books import Books, Entry
from runner.ends import Ends
from runner.kept import Keepers
from runner.listener import Listener
from runner.live import FLUSH, Live
from runner.pipes import Pipes
from runner.run import Run
from runner.settings import Settings
from runner.starts import Starts
from runner.store import moves, runners, stops
from runner.store.connection import AWAY, Connection, Line

log = logging.getLogger(__name__)

LAST_WORDS = 8.0  # seconds that the last rows may take after the last kill
TICK = 1.0  # seconds between two looks at what a lost bell would have told


class Runner(Books):
    """Owns up to `slots` runs: their keepers, their pipes and what is yet to be written."""

    def __init__(self, settings: Settings, redis: Redis, line: Line) -> None:
        """Supervise runs for *settings*, with Redis and a line to Postgres."""
        super().__init__(redis, machine.process_name(settings.machine), beat=settings.beat)
        self.settings = settings
        self.line = line
        self.lives: dict[int, Live] = {}
        self._entries: dict[int, Entry] = {}
        self._selector = selectors.DefaultSelector()
        self._pipes = Pipes(self._selector)
        self._bell, self._rope = os.pipe()
        self._keepers = Keepers()
        self._starts = Starts(self.name, settings, self._keepers)
        self._ends = Ends(self.name)
        self._listener = Listener(redis, self.lives, self.wake)
        self._term_at: float | None = None
        self._tick_at = self._beat_at = 0.0
        self._may_take = True
        self._must_beat_redis = True
        #: Runs that followers should look at.
        self._news: set[int] = set()
        #: Settled runs that RQ's books do not know of yet.
        self._struck: deque[tuple[Entry, Run]] = deque()

    def work(self) -> None:  # type: ignore[override]
        """Serve until SIGTERM or SIGINT; return when every run is settled."""
        linux.become_subreaper()
        self._install_signals()
        self.open_books()
        self._selector.register(self._bell, selectors.EVENT_READ, self._hear_bell)
        self._listener.start()
        log.info("runner %s: %d slots", self.name, self.settings.slots)
        while self._term_at is None or (self.lives and not self._is_out_of_time()):
            try:
                self._turn()
            except Exception:
                log.exception("a turn of the loop failed")
                time.sleep(FLUSH)  # a fault that stays must not turn the loop into a spin
        self._leave()

    def wake(self) -> None:
        """Make the loop turn now. Any thread may call it."""
        try:
            os.write(self._rope, b".")
        except BlockingIOError:
            return  # it is about to turn anyway

    def _install_signals(self) -> None:
        os.set_blocking(self._bell, False)
        os.set_blocking(self._rope, False)
        signal.set_wakeup_fd(self._rope, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_term)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _on_term(self, number: int, frame: FrameType | None) -> None:
        """Take no more; a second signal changes nothing."""
        self._term_at = self._term_at or time.monotonic()

    def _is_out_of_time(self) -> bool:
        """Whether the platform is about to kill us: Postgres has not come back."""
        assert self._term_at is not None
        drain, grace = self.settings.drain, self.settings.shutdown_grace
        return time.monotonic() > self._term_at + drain + grace + LAST_WORDS

    def _turn(self) -> None:
        """One turn of the loop: hear, enforce, write, take."""
        for key, _ in self._selector.select(self._pause()):
            key.data()
        now = time.monotonic()
        self._reap_strays()
        self._enforce(now)
        is_tick = now >= self._tick_at
        if is_tick:
            self._tick_at = now + TICK
        try:
            self._settle(now, is_tick=is_tick)
        except AWAY as error:
            self.line.lose(error)
        try:
            self._sync(now, is_tick=is_tick)
        except RedisError as error:
            log.warning("Redis is away, the runs go on: %s", error)
        self._refill()

    def _pause(self) -> float:
        waiting = any(live.output.waiting or live.is_gone for live in self.lives.values())
        return FLUSH if waiting else TICK

    def _hear_bell(self) -> None:
        os.read(self._bell, 4096)
        self._may_take = True

    def _reap_strays(self) -> None:
        """Take orphans out of the process table that a killed keeper has left to us."""
        keepers = {live.kept.pid for live in self.lives.values()} | self._keepers.pids
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None or ended.si_pid in keepers:
                return  # a keeper is taken by its Popen
            os.waitpid(ended.si_pid, 0)

    # What needs neither Postgres nor Redis

    def _enforce(self, now: float) -> None:
        """Time limits and the shutdown's escalation."""
        for live in self.lives.values():
            live.enforce_limit(now)
            # While Postgres is away output waits on disk: no playbook stands still for that.
            self._pipes.read_on(live, has_room=live.has_room or not self.line.is_up)
            if live.keeper_was_killed and not live.is_gone:
                self._ends.sweep(live, self._starts.installation)
        if self._term_at is None:
            return
        drained = self._term_at + self.settings.drain
        for live in self.lives.values():
            if now > drained:
                live.interrupt()
            if now > drained + self.settings.shutdown_grace:
                live.force()

    # What needs Postgres

    def _settle(self, now: float, *, is_tick: bool) -> None:
        """Write what happened, judge what is over, beat."""
        if not (is_tick or any(live.is_due(now) for live in self.lives.values())):
            return
        conn = self.line.conn()
        for live in list(self.lives.values()):
            try:
                self._settle_one(conn, live, now)
            except AWAY:
                raise
            except psycopg.Error:
                log.exception("run %d: Postgres refuses its end", live.run.id)
        if is_tick:
            self._sweep_flags(conn)
            self._starts.release_unsure(conn)
        if now >= self._beat_at:
            self._beat(conn)
            self._beat_at = now + self.settings.beat

    def _settle_one(self, conn: Connection, live: Live, now: float) -> None:
        if live.is_gone and live.output_is_open:
            self._pipes.read(live)
        if live.is_due(now) and live.write(conn):
            self._news.add(live.run.id)
        shutting_down = self._term_at is not None
        if live.is_over(now, shutting_down=shutting_down) and live.is_written:
            run = self._ends.settle(conn, live, shutting_down=shutting_down)
            self._let_go(live, run)

    def _sweep_flags(self, conn: Connection) -> None:
        """Find the stops whose bell was lost."""
        for run in stops.stop_flags(conn, list(self.lives)):
            live = self.lives[run.id]
            live.force() if run.force_requested_at else live.stop()

    def _beat(self, conn: Connection) -> None:
        """Renew the leases; a run whose lease is another's is not ours any more."""
        mine = {live.run.lease_token: live for live in self.lives.values() if not live.is_disowned}
        renewed = moves.renew(conn, [token for token in mine if token], lease=self.settings.lease)
        for token, live in mine.items():
            if token in renewed:
                live.run = renewed[token]
            else:
                live.disown()
        place = {"machine": self.settings.machine, "boot": machine.boot()}
        runners.beat(conn, self.name, slots=self.settings.slots, busy=len(self.lives), **place)
        self._must_beat_redis = True

    def _let_go(self, live: Live, run: Run | None) -> None:
        """Forget a run that is settled."""
        self._pipes.remove(live)
        del self.lives[live.run.id]
        live.kept.close()
        live.output.close()
        self._ends.remove_directory(live.directory)
        self._struck.append((self._entries.pop(live.run.id), run or live.run))
        self._news.add(live.run.id)

    # What needs Redis

    def _sync(self, now: float, *, is_tick: bool) -> None:
        """Tell followers, keep RQ's books, take new runs."""
        while self._news:
            self.connection.publish(keys.TAIL, str(self._news.pop()))
        while self._struck:
            entry, run = self._struck[0]
            self.strike(entry, run)
            groups.forget(self.connection, run.id)
            self._struck.popleft()
        if self._may_take or is_tick:
            self._take_runs()
        if self._must_beat_redis:
            groups.record(self.connection, [live.run for live in self.lives.values()])
            self.keep_alive(list(self._entries.values()))
            self._must_beat_redis = False

    def _take_runs(self) -> None:
        """Take runs from the queue while there are slots."""
        self._may_take = False
        while self._term_at is None and len(self.lives) < self.settings.slots:
            if not self.line.is_up:
                return
            entry = self.take()
            if entry is None:
                return
            self._start(entry)

    def _start(self, entry: Entry) -> None:
        try:
            live = self._starts.start(self.line.conn(), entry.run_id)
        except AWAY as error:
            self.line.lose(error)
            self.give_back(entry)
            return
        if live is None:
            self.drop(entry)
            return
        self.lives[entry.run_id] = live
        self._entries[entry.run_id] = entry
        self._pipes.add(live)
        self.enter(entry)

    def _refill(self) -> None:
        """Start the next idle keeper, but not while a run waits for its gate to be opened."""
        if all(live.run.leader_pid for live in self.lives.values()):
            self._keepers.refill()

    def _leave(self) -> None:
        """Go without a trace in the books."""
        log.info("runner %s: every run is settled, leaving", self.name)
        self._listener.closing.set()
        self._keepers.close()
        self._ends.close()
        try:
            runners.leave(self.line.conn(), self.name)
            self._sync(time.monotonic(), is_tick=False)
            self.close_books()
        except (*AWAY, RedisError) as error:
            log.warning("left without a word to Postgres or Redis: %s", error)
