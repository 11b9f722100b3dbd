"""Why a queued run waits, and behind whom."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from runner.run import Run, RunState
from runner.store import maintenance, order, runners, watch
from runner.store.connection import Connection

NAMED = 10  # runs that are named to one that waits


@dataclass(frozen=True, kw_only=True)
class Why:
    """What a queued run waits for."""

    reason: Literal["approval", "maintenance", "time", "group", "runner", "slot"]
    #: In a sentence.
    message: str
    #: The ids of the first of those that it waits for.
    behind: tuple[int, ...] = ()
    #: How many those are; order.MOST_COUNTED stands for as many or more.
    ahead: int = 0
    #: When it is over, where that is known.
    until: datetime | None = None


def why_waiting(conn: Connection, run: Run) -> Why | None:
    """Tell what *run* waits for; None if it is not queued."""
    if run.state is not RunState.QUEUED:
        return None
    if run.approval == "wanted":
        rights = " and ".join(run.spec["approval"]["rights"])
        return Why(
            reason="approval",
            message=f"somebody with the right {rights} over {run.template} must approve of it",
            until=run.approval_expires_at,
        )
    if pause := maintenance.find(conn):
        said = f": {pause.reason}" if pause.reason else ""
        return Why(
            reason="maintenance",
            message=f"no run is taken since {pause.paused_by} has paused all{said}",
        )
    if run.not_before is not None and run.not_before > watch.clock(conn):
        return Why(
            reason="time",
            message=f"it is not taken before {run.not_before:%F %T %Z}",
            until=run.not_before,
        )
    if why := _behind_its_group(conn, run):
        return why
    there = runners.alive(conn)
    serving = [each for each in there if run.queue in each["queues"]]
    taking = [each for each in serving if not each["drained_at"]]
    if not taking:
        return _without_runner(run, is_drained=bool(serving), is_alone=not there)
    return _in_its_queue(conn, run, taking)


def _behind_its_group(conn: Connection, run: Run) -> Why | None:
    if run.concurrency_group is None or run.group_limit is None:
        return None
    running, waiting = order.ahead_in_group(conn, run)
    if len(running) + len(waiting) < run.group_limit:
        return None
    parts = [f"{_many(len(running), 'run')} of at most {run.group_limit} running"]
    parts += [f"{_many(len(waiting), 'run')} waiting before it"] if waiting else []
    return Why(
        reason="group",
        message=f"the concurrency group {run.concurrency_group!r} has {' and '.join(parts)}",
        behind=tuple([*running, *waiting][:NAMED]),
        ahead=len(running) + len(waiting),
    )


def _without_runner(run: Run, *, is_drained: bool, is_alone: bool) -> Why:
    if is_drained:
        return Why(reason="runner", message=f"all runners of the queue {run.queue!r} are drained")
    said = "no runner is there" if is_alone else f"no runner serves the queue {run.queue!r}"
    if run.spec.get("queue_timeout"):
        said += f"; it fails when it has waited for {run.spec['queue_timeout']} s"
    return Why(reason="runner", message=said)


def _in_its_queue(conn: Connection, run: Run, taking: list[dict[str, Any]]) -> Why:
    ahead = order.ahead_in_queue(conn, run)
    slots, busy = sum(each["slots"] for each in taking), sum(each["busy"] for each in taking)
    message = f"{busy} of {_many(slots, 'slot')} of the runners that serve it are taken"
    if all(each["short_of_memory"] for each in taking):
        message = "the runners that serve it are short of memory"
    if ahead:
        many = f"{order.MOST_COUNTED} and more" if len(ahead) >= order.MOST_COUNTED else len(ahead)
        message += f"; {many} before it"
    return Why(reason="slot", message=message, behind=tuple(ahead[:NAMED]), ahead=len(ahead))


def _many(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
