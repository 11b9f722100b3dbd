"""When a schedule is due, and what becomes of a due time that is seen late. Pure.

cronsim finds the times, and does as Debian's cron where clocks change: see the README. croniter 7.0
makes `30 2 * * *` due twice in the night in which that hour comes twice (tried). RQ's own
CronScheduler reads crons in the machine's zone, has no lock among its processes, and does not know
what it missed.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from cronsim import CronSim

from runner.schedule import Schedule

#: How late a due time may be seen and still be run as if in time. A watchdog that is killed has a
#: successor within 25 seconds (runner.lease: watch and a round); a restart takes no longer.
TOLERANCE: Final = timedelta(seconds=60)
SHOWN: Final = 5


class Plan(NamedTuple):
    """What becomes of a due time."""

    is_run: bool
    #: Why it is not run, or is run although late; None: in time.
    why: str | None
    #: The due time that comes next; None when none does.
    next_at: datetime | None


class Times(NamedTuple):
    """The next due time, and the same with its jitter; None: there is none."""

    next_at: datetime | None
    fire_at: datetime | None


def first(schedule: Schedule, behind: datetime) -> datetime | None:
    """The first due time behind a time; None when there is none."""
    if schedule.at is not None:
        return schedule.at if schedule.at > behind else None
    assert schedule.cron is not None  # it has one of both
    for time in CronSim(schedule.cron, behind.astimezone(schedule.zone)):
        # In UTC: times of one zone are compared by the clock on the wall. Within the hour that
        # comes twice cronsim begins with its first half, which may be over.
        due = time.astimezone(UTC)
        if due > behind:
            return due
    return None  # none within fifty years


def fire_at(name: str, schedule: Schedule, due: datetime) -> datetime:
    """When a due time is run: later by the jitter, the same for whoever asks.

    Never later than the next due time: they stay in their order, and none waits for another.
    """
    if not schedule.jitter:
        return due
    most = timedelta(seconds=schedule.jitter)
    following = first(schedule, due)
    if following is not None:
        most = min(most, following - due)
    digest = hashlib.sha256(f"{name} {due.astimezone(UTC).isoformat()}".encode()).digest()
    return due + most * (int.from_bytes(digest[:6]) / 2**48)


def first_fired(
    name: str, schedule: Schedule, behind: datetime, since: datetime
) -> datetime | None:
    """The first due time behind *behind* that is run after *since*; None when there is none."""
    due = first(schedule, max(behind, since - timedelta(seconds=schedule.jitter)))
    while due is not None and fire_at(name, schedule, due) <= since:
        due = first(schedule, due)
    return due


def times(name: str, schedule: Schedule, next_at: datetime | None) -> Times:
    """Put its jitter beside the next due time."""
    return Times(next_at, next_at and fire_at(name, schedule, next_at))


def plan(name: str, schedule: Schedule, due: datetime, late: timedelta, now: datetime) -> Plan:
    """Say what becomes of *due*, which is seen so *late* behind its jitter, and what comes next."""
    if late <= TOLERANCE:
        return Plan(True, None, first(schedule, due))
    why = f"seen {late.total_seconds():.0f} s late, with all that was due until then"
    if schedule.catch_up == "once":
        return Plan(True, why, first_fired(name, schedule, due, now))
    return Plan(False, why, first_fired(name, schedule, due, now - TOLERANCE))


def upcoming(schedule: Schedule, next_at: datetime | None) -> list[datetime]:
    """The next due times, of which *next_at* is the first."""
    times: list[datetime] = []
    due = next_at
    while due is not None and len(times) < SHOWN:
        times.append(due)
        due = first(schedule, due)
    return times


def renewed(
    name: str,
    schedule: Schedule,
    now: datetime,
    *,
    was: Schedule,
    before: Times,
    last_at: datetime | None,
) -> Times:
    """The next due time of a schedule that is put over what it *was*: none is lost or doubled.

    What is due in both stays due. Of what was due while it was paused nothing is run.
    """
    if schedule.paused:
        return Times(None, None)
    stays = not was.paused and (
        schedule.when == was.when or _is_pending(schedule, before.next_at, now)
    )
    if not stays:
        return times(name, schedule, first(schedule, max(now, last_at or now)))
    new = times(name, schedule, before.next_at)
    if before.fire_at and new.fire_at and new.fire_at < now < before.fire_at:
        return Times(new.next_at, now)  # with less jitter it would seem to be missed
    return new


def _is_pending(schedule: Schedule, next_at: datetime | None, now: datetime) -> bool:
    """Whether what was due and is not yet run is due now, too."""
    if next_at is None or next_at > now:
        return False
    return first(schedule, next_at - timedelta(microseconds=1)) == next_at
