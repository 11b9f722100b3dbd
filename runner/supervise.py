"""The runner: one process, one loop, all pids. It takes runs, holds them, settles their ends.

The loop talks to Postgres, which decides, and to keepers; the listener's thread hears stops, the
clerk's thread does what concerns Redis. None of RQ's own stop commands is used: those leave
ansible's workers alive, and may kill the worker itself (RQ 3.0.0).
"""

import logging
import selectors
import time

from redis import Redis

from runner import linux, machine, memory
from runner.alarm import Alarm
from runner.books import Books, Entry
from runner.clerk import Clerk
from runner.containment import find_containment
from runner.disks import Disks
from runner.ends import Ends
from runner.errands import LOOKS, NOTIFICATIONS, Errands
from runner.heartbeat import Heartbeat
from runner.intake import Intake
from runner.isolation import alone
from runner.listener import Listener
from runner.live import Live
from runner.pace import TICK, pace, pause
from runner.pipes import Pipes
from runner.reserve import Reserve
from runner.run import Run, RunState
from runner.settings import Settings
from runner.starts import Starts
from runner.store import runners, stops
from runner.store.connection import AWAY, Connection, Line
from runner.strays import Child, reap_strays
from runner.tenure import FLUSH

log = logging.getLogger(__name__)

LAST_WORDS = 8.0  # seconds that the last rows may take after the last kill
YOUNG = 5.0  # seconds in which a run takes the memory that it needs
TRIES = 2  # faults after which a run's end is written in plain words


class Runner:
    """Owns up to `slots` runs: their keepers, their pipes and what is yet to be written."""

    def __init__(self, settings: Settings, redis: Redis, line: Line) -> None:
        """Supervise runs for *settings*, with Redis and a line to Postgres."""
        self.name = machine.process_name(settings.machine)
        self.settings = settings
        self.line = line
        self.disks = Disks(settings)
        self.lives: dict[int, Live] = {}
        self._entries: dict[int, Entry] = {}
        self._selector = selectors.DefaultSelector()
        self._pipes = Pipes(self._selector)
        self._alarm = Alarm()
        # Asks Redis: before any keeper starts.
        books = Books(redis, self.name, beat=settings.beat, queues=settings.queues)
        self.containment = find_containment(settings.cgroup)
        self._heartbeat = Heartbeat(self.name, settings, self.containment, self.disks)
        self._reserve = Reserve(settings.zygotes)
        self._starts = Starts(
            self.name, settings, self._reserve.keepers, self._reserve.zygotes, self.containment
        )
        self._ends = Ends(self.name)
        self._errands = (Errands(LOOKS), Errands(NOTIFICATIONS))
        self._clerk = Clerk(books, self._alarm.ring, self._errands)
        self._listener = Listener(redis, self.lives, self._clerk.call)
        self._intake = Intake(self._clerk, self._starts, line, has_memory=self._has_memory)
        self._tick_at = 0.0

    def work(self) -> None:
        """Serve until SIGTERM or SIGINT; return when every run is settled."""
        linux.become_subreaper()
        self._alarm.install()
        self._selector.register(self._alarm.descriptor, selectors.EVENT_READ, self._alarm.hear)
        self._listener.start()
        self._clerk.start()
        self._clerk.grant(self.settings.slots)
        slots, kind = self.settings.slots, self.containment.kind
        log.info("runner %s: %d slots, families are held by %s", self.name, slots, kind)
        while self._alarm.term_at is None or (self.lives and not self._is_out_of_time()):
            try:
                self._turn()
            except Exception:
                log.exception("a turn of the loop failed")
                time.sleep(FLUSH)  # a fault that stays must not turn the loop into a spin
        self._leave()

    @property
    def _is_leaving(self) -> bool:
        return self._alarm.term_at is not None

    def _is_out_of_time(self) -> bool:
        """Whether the platform is about to kill us: Postgres has not come back."""
        drain, grace = self.settings.drain, self.settings.shutdown_grace
        return time.monotonic() > (self._alarm.term_at or 0.0) + drain + grace + LAST_WORDS

    def _turn(self) -> None:
        """One turn of the loop: hear, enforce, write, start."""
        for key, _ in self._selector.select(pause(self.lives.values(), is_up=self.line.is_up)):
            key.data()
        now = time.monotonic()
        if reap_strays(self._children()):
            for live in self.lives.values():
                live.note_stray()
        for live in list(self.lives.values()):
            alone(live, self._enforce, live, now)
        is_tick = now >= self._tick_at
        if is_tick:
            self._tick_at = now + TICK
        try:
            self._settle(now, is_tick=is_tick)
            self._intake.call_up()
            if not self._is_leaving:
                for entry, live in self._intake.begin(self.lives):
                    self._hold(live, entry)
        except AWAY as error:
            self.line.lose(error)
        finally:
            for live in list(self.lives.values()):
                alone(live, self._read_on, live)
        for errands in self._errands:
            errands.turn(now, is_leaving=self._is_leaving)
        self._reserve.warm(self.lives.values())
        self._intake.share_out(may_begin=self.line.is_up and not self._is_leaving)
        self._reserve.refill(self.lives.values(), is_tick=is_tick)

    def _children(self) -> list[Child]:
        """All that we have started: whatever else is below us is an orphan."""
        held = [live.kept for live in self.lives.values()]
        beside = [process for errands in self._errands for process in errands.processes]
        return [*held, *self._reserve.children, *self._ends.closing, *beside]

    # What needs neither Postgres nor Redis

    def _enforce(self, live: Live, now: float) -> None:
        """The end of its keeper, time limits, and the shutdown's escalation."""
        code = live.kept.process.poll()
        if code is not None and not live.keeper_has_ended:
            self._pipes.hear(live)  # its last words
            live.note_keeper_end(code)
        live.enforce_limits(now)
        if live.is_being_swept and not self._may_have_lost_all(now):
            children = {child.pid for child in self._children()}
            self._ends.sweep(live, self._starts.installation, children)
        if self._alarm.term_at is not None:
            drained = self._alarm.term_at + self.settings.drain
            if now > drained:
                live.interrupt()
            if now > drained + self.settings.shutdown_grace:
                live.force()

    def _has_memory(self) -> bool:
        """Whether another run fits beside those that are here, of which young ones yet grow."""
        if not self.settings.run_memory:
            return True
        since = time.monotonic() - YOUNG
        young = sum(live.began_at > since for live in self.lives.values())
        return memory.has_room(memory.available(), young, self.settings.run_memory * memory.MB)

    def _read_on(self, live: Live) -> None:
        """Read its output while there is room for it.

        While Postgres is away it waits on disk: no playbook stands still for that.
        """
        self._pipes.read_on(live, has_room=live.tenure.has_room or not self.line.is_up)

    def _may_have_lost_all(self, now: float) -> bool:
        """Whether we stood still for longer than a lease, and Postgres can tell what came of it."""
        return self.line.is_up and self._heartbeat.is_overdue(now)

    # What needs Postgres

    def _settle(self, now: float, *, is_tick: bool) -> None:
        """Beat, write what happened, judge what is over."""
        waits = pace(self.lives.values())
        if not (is_tick or any(live.is_due(now, waits) for live in self.lives.values())):
            return
        conn = self.line.conn()
        if self._heartbeat.is_due(now):
            self._beat(conn, now)
        for live in list(self.lives.values()):
            alone(live, self._settle_one, conn, live, now)
        if is_tick:
            self._sweep_flags(conn)
            self._intake.look(conn, self.name)

    def _settle_one(self, conn: Connection, live: Live, now: float) -> None:
        if live.is_gone and live.output_is_open:
            self._pipes.read(live)
        if live.is_due(now, pace(self.lives.values())) and live.write(conn):
            self._clerk.tell(live.run.id)
        if live.is_over(now, shutting_down=self._is_leaving) and live.tenure.is_written:
            live.tries += 1
            in_plain_words = live.tries > TRIES
            try:
                run = self._ends.settle(
                    conn, live, shutting_down=self._is_leaving, in_plain_words=in_plain_words
                )
            except AWAY:
                live.tries -= 1
                raise
            self._let_go(live, run)

    def _sweep_flags(self, conn: Connection) -> None:
        """Find the stops whose bell was lost."""
        for run in stops.stop_flags(conn, list(self.lives)):
            live = self.lives[run.id]
            live.force() if run.force_requested_at else live.stop()

    def _beat(self, conn: Connection, now: float) -> None:
        """Renew the leases, and recover what no answer was had of."""
        short = self._intake.is_short_of_memory
        renewed = self._heartbeat.beat(conn, self.lives.values(), short_of_memory=short)
        self._starts.prepare(conn)
        self._starts.recover(conn, set(renewed))
        self._clerk.beat(list(self._entries.values()), list(renewed.values()))
        self._heartbeat.done(now)

    def _let_go(self, live: Live, run: Run | None) -> None:
        """Forget a run that is settled."""
        del self.lives[live.run.id]
        self._pipes.remove(live)
        live.kept.close()
        live.output.close()
        live.telling.close()
        self._ends.remove(live)
        self._clerk.strike(self._entries.pop(live.run.id), run or live.run)
        self._intake.pass_on(live.run)
        if run is not None and run.state is RunState.QUEUED:
            self._clerk.enqueue(run)
        self._clerk.tell(live.run.id)
        self._clerk.grant(1)

    def _hold(self, live: Live, entry: Entry) -> None:
        self._pipes.add(live)
        self._entries[entry.run_id] = entry
        self.lives[entry.run_id] = live
        self._clerk.enter(entry)

    def _leave(self) -> None:
        """Go without a trace in the books."""
        left = (
            f"{len(self.lives)} runs are left to the watchdog" if self.lives else "all is settled"
        )
        log.info("runner %s: %s, leaving", self.name, left)
        self._listener.closing.set()
        self._reserve.close()
        for errands in self._errands:
            errands.close()
        self._ends.close()
        try:
            runners.leave(self.line.conn(), self.name)
        except AWAY as error:
            log.warning("left without a word to Postgres: %s", error)
        self._clerk.leave()
