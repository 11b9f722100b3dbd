"""Letting a run in: into the queue, and into its concurrency group as that wants it."""

from dataclasses import dataclass
from typing import Any

from runner.concurrency import WhenBusy, group_of
from runner.errors import RunnerError
from runner.run import Run, Trigger
from runner.store import approvals, order, runs, stops
from runner.store.audit import Deed
from runner.store.connection import Connection
from runner.wanted import Wanted


@dataclass(frozen=True, kw_only=True)
class Admitted:
    """A run that is in the queue, and what became of others for it."""

    run: Run
    #: Those that waited, and are stopped.
    superseded: tuple[Run, ...] = ()
    #: Those that are running, and were asked to stop.
    replaced: tuple[Run, ...] = ()


class GroupBusy(RunnerError):
    """As many runs of the group are there as may be, and no other shall wait."""

    def __init__(self, group: str, run_ids: list[int]) -> None:
        """Name the group and the runs that run or wait in it."""
        many = f"run {run_ids[0]}" if len(run_ids) == 1 else f"runs {', '.join(map(str, run_ids))}"
        verb = "is" if len(run_ids) == 1 else "are"
        super().__init__(f"the concurrency group {group!r} is busy: {many} {verb} not final")
        self.run_ids = run_ids


def may_displace(wanted: Wanted) -> bool:
    """Whether others may have to give the run their place, or it is refused for them."""
    return when_busy_of(wanted) != "queue"


def when_busy_of(wanted: Wanted) -> WhenBusy:
    """What becomes of it when its group is busy; of one without a group there is nothing to be."""
    return _when_busy(wanted.spec)


def _when_busy(spec: dict[str, Any]) -> WhenBusy:
    when_busy: WhenBusy = spec.get("concurrency", {}).get("when_busy", "queue")
    return when_busy


def admit(conn: Connection, wanted: Wanted, deed: Deed | None = None) -> Admitted | None:
    """Queue the run. None when its caller has used the idempotency key before.

    Raise GroupBusy, which nothing has come of, and Unnamed when its group has no name. Who calls it
    tells Redis when it is committed: see jobs.runs.hand_over.
    """
    group = group_of(wanted.spec, wanted.accepted)
    when_busy = when_busy_of(wanted)
    if group is None or when_busy == "queue" or (when_busy != "reject" and _needs_approval(wanted)):
        run = runs.insert(conn, wanted, deed)
        return Admitted(run=run) if run else None
    limit = wanted.spec["concurrency"]["limit"]
    with conn.transaction():
        order.lock_group(conn, group)
        if wanted.trigger is Trigger.RETRY and wanted.rerun_of is not None:
            # It is as old as what it retries, and takes nobody's place a second time.
            if newer := order.newer_in_group(conn, group, wanted.rerun_of, limit):
                raise GroupBusy(group, newer)
            when_busy = "reject"
        if when_busy == "reject":
            there = order.first_in_group(conn, group, limit)
            if len(there) >= limit:
                raise GroupBusy(group, there)
        run = runs.insert(conn, wanted, deed)
        if run is None:
            return None
        if when_busy == "reject":
            return Admitted(run=run)
        return _displace(conn, run)


def approve(conn: Connection, run: Run, *, by: str, reason: str | None) -> Admitted | None:
    """Let *run* start that wants approval; others give it their place now, not before.

    None if it wants that no more. Only within a transaction.
    """
    group, when_busy = run.concurrency_group, _when_busy(run.spec)
    displaces = group is not None and when_busy in ("coalesce", "replace")
    if group is not None and displaces:
        order.lock_group(conn, group)  # before the row, as admit does
    approved = approvals.approve(conn, run.id, by=by, reason=reason)
    if approved is None:
        return None
    return _displace(conn, approved) if displaces else Admitted(run=approved)


def deny(conn: Connection, run: Run, *, by: str, reason: str | None) -> Run | None:
    """Stop *run*, which wants approval: it never starts.

    None if it wants that no more: somebody was first, who approved of it or stopped it. Only within
    a transaction.
    """
    if not approvals.hold(conn, run.id):
        return None
    said = f"denied: {reason}" if reason else "denied"
    return stops.request_stop(conn, run.id, by=by, reason=said, force=False)


def _needs_approval(wanted: Wanted) -> bool:
    return "approval" in wanted.spec and wanted.approved_by is None


def _displace(conn: Connection, run: Run) -> Admitted:
    """Have those of its group give way that are older than *run*."""
    superseded = stops.supersede_in_group(conn, run, by=run.triggered_by)
    replaces = _when_busy(run.spec) == "replace" and run.group_limit is not None
    replaced = _replace(conn, run, run.group_limit or 1) if replaces else []
    return Admitted(run=run, superseded=tuple(superseded), replaced=tuple(replaced))


def _replace(conn: Connection, run: Run, limit: int) -> list[Run]:
    """Ask as many of the oldest to stop as there must be fewer for *run*."""
    assert run.concurrency_group is not None
    running = order.running_in_group(conn, run.concurrency_group)
    going = sum(each.is_stopping for each in running)
    too_many = len(running) - going - limit + 1
    older = [each for each in running if not each.is_stopping and each.id < run.id]
    oldest = older[: max(0, too_many)]
    reason = f"run {run.id} takes its place"
    asked = [
        stops.request_stop(conn, each.id, by=run.triggered_by, reason=reason, force=False)
        for each in oldest
    ]
    return [each for each in asked if each is not None]
