"""The caretaker: the part of the watchdog that looks after the families of its own machine."""

import logging
import time
from uuid import uuid4

from redis import Redis

from runner import family, machine
from runner.estate import Estate, recollect
from runner.hints import tell
from runner.judge import End
from runner.last_events import store_rest
from runner.leaving import listed, unspared, without_left
from runner.policy import Advice, View, advise
from runner.round import Round
from runner.run import Run
from runner.settings import Settings
from runner.settlement import settle
from runner.store import events, moves, runs, verdicts
from runner.store.moves import Stored
from runner.vault import Vault

log = logging.getLogger(__name__)

END_GRACE = 2.0  # seconds, at most, from terminate to kill for a family without a runner
ALONE = 15.0  # seconds in which a keeper that has lost its runner ends its family, if it is awake


class Caretaker:
    """Ends families that have no right to live, and settles what dead and frozen runners left."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        """Look after the machine of *settings*."""
        self._settings = settings
        self._redis = redis
        self._vault = Vault(settings.secret_key)
        #: Since when keepers without a runner are waited for, by run id; monotonic.
        self._alone: dict[int, float] = {}

    def care(self, this: Round) -> None:
        """Look at each family and each run of this machine once."""
        for run_id, run in self._unlicensed(this).items():
            if advise(run, self._view(this, run, family_is_alive=True)) is Advice.END:
                this.alone(run_id, self._end, run_id, run)
        suspects = self._suspects(this)
        this.look_again()
        for run in suspects:
            if advise(run, self._view(this, run)) is Advice.SETTLE:
                this.alone(run.id, self._settle, run)
        there = {run.id for run in suspects}
        self._alone = {run_id: at for run_id, at in self._alone.items() if run_id in there}

    def _unlicensed(self, this: Round) -> dict[int, Run | None]:
        """The runs of living families that are not running, by id; None has no row."""
        running = runs.running_among(this.conn, this.families)
        rest = {key: family for key, family in this.families.items() if key not in running}
        known = {run.id: run for run in runs.find_many(this.conn, rest)} if rest else {}
        unleft = without_left(rest, known, machine.boot())
        return {run_id: known.get(run_id) for run_id in unleft}

    def _suspects(self, this: Round) -> list[Run]:
        """The runs of this machine whose holder is dead or silent: others cost time to read."""
        place = self._settings.machine, machine.boot()
        holders = runs.holders_on(this.conn, *place) - {this.watchdog}
        alive = [holder for holder in holders if machine.process_is_alive(holder)]
        return runs.running_on(this.conn, *place, unless_held_by=alive)

    def _view(self, this: Round, run: Run | None, *, family_is_alive: bool = False) -> View:
        if run is None:
            return View(family_is_alive=family_is_alive)
        is_here = run.boot == machine.boot() and run.machine == self._settings.machine
        is_another = run.holder != this.watchdog  # what we hold ourselves we have not settled yet
        return View(
            is_here=is_here,
            holder_is_alive=is_another and is_here and machine.process_is_alive(str(run.holder)),
            keeper_said_gone=run.stale and is_here and recollect(run).is_gone,
            time_is_up=this.time_is_up(run),
            family_is_alive=family_is_alive,
            unbroken=this.unbroken,
            lease=self._settings.lease,
        )

    def _end(self, this: Round, run_id: int, run: Run | None) -> None:
        """End a family without a row, or whose row is final, but for the async jobs it has left."""
        left = listed(run.left_running if run else ())

        def members() -> list[family.Member]:
            return unspared(left, family.find(this.installation).get(run_id, []))

        if not members():
            return  # it ended while we looked
        ended = family.end(members, END_GRACE)
        detail = {"terminated": ended.terminated, "killed": ended.killed}
        state = run.state if run else "unknown"
        log.warning("run %d: %s, but its family lived: %s", run_id, state, detail)
        this.verdicts["ended"] += 1
        if run is not None:
            events.append(this.conn, run_id, "family_ended", this.watchdog, detail)

    def _settle(self, this: Round, run: Run) -> None:
        """End what its runner left of it, then write what its keeper has seen."""
        ours = self._adopt(this, run)
        if ours is None:
            return  # another was first
        estate = Estate(ours, this.installation, lambda: self._adopt(this, ours) is not None)
        if self._keeper_is_at_work(estate):
            return  # it knows best: until the next round
        why = _why(ours, is_over_time=this.time_is_up(ours))
        ended, end = estate.end(why, _grace(ours))
        if ended.survivors:
            self._name_survivors(this, ours, ended.survivors)
        if end is None:
            return
        if ended.terminated or ended.killed:
            detail = {"terminated": ended.terminated, "killed": ended.killed, "why": why}
            events.append(this.conn, run.id, "family_ended", this.watchdog, detail)
        settled = self._write_end(this, ours, end)
        if settled is not None:
            log.warning("run %d: %s: %s", run.id, settled.state, settled.message)
            this.verdicts["settled" if settled.is_final else "requeued"] += 1
            tell(self._redis, settled)

    def _write_end(self, this: Round, ours: Run, end: End) -> Run | None:
        """Its output is gone with its runner; its events are in a file."""
        limit, code = self._settings.event_limit, end.exit_code
        told = store_rest(this.conn, ours, self._vault, limit=limit, exit_code=code)
        stored = Stored(complete=False, truncated=False, events=told)
        return settle(this.conn, ours, end, actor=this.watchdog, **stored)

    def _adopt(self, this: Round, run: Run) -> Run | None:
        """Take the lease, or renew it if it is ours already."""
        lease = self._settings.lease
        if run.holder == this.watchdog:
            return verdicts.keep(this.conn, run, lease=lease)
        return verdicts.adopt(this.conn, run, actor=this.watchdog, token=uuid4(), lease=lease)

    def _keeper_is_at_work(self, estate: Estate) -> bool:
        """Whether the keeper, having lost its runner, is about to end the family by itself."""
        run = estate.run
        if machine.process_is_alive(str(run.runner)):
            return False  # it is frozen: the keeper has no reason to
        if estate.keeper() is None or estate.told().is_gone:
            return False
        since = self._alone.setdefault(run.id, time.monotonic())
        return time.monotonic() - since < ALONE

    def _name_survivors(self, this: Round, run: Run, left: list[family.Member]) -> None:
        """Name them by program only: their arguments may hold secrets that we do not know."""
        named = [
            {**family.survivor(member), "command": member.command.partition(" ")[0]}
            for member in left
        ]
        if named != run.survivors:
            log.warning("run %d: survivors: %s", run.id, named, extra={"run": run.id})
            moves.record_survivors(this.conn, run, named)


def _why(run: Run, *, is_over_time: bool) -> str:
    """What a family without a working runner is ended for."""
    if run.stop_requested_at is not None:
        return "force" if run.force_requested_at is not None else "stop"
    runner_is_frozen = machine.process_is_alive(str(run.runner))
    return "timeout" if is_over_time and runner_is_frozen else "orphaned"


def _grace(run: Run) -> float:
    return 0.0 if run.force_requested_at else min(float(run.spec["grace"]), END_GRACE)
