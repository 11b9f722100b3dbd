"""What the API answers about schedules."""

from datetime import datetime
from typing import Literal, Self

from pydantic import Field, JsonValue

from app.api.answers import Answer, UtcTime
from runner import due
from runner.schedule import Schedule, restored
from runner.store.schedules import StoredSchedule


class DueAnswer(Answer):
    """A due time."""

    at: UtcTime
    local: str = Field(description="the same by the clock of its time zone")


class LastDueAnswer(Answer):
    """What became of a due time."""

    due: UtcTime
    seen_at: UtcTime = Field(description="when a run was made of it, or none")
    outcome: Literal["fired", "skipped", "failed"] = Field(
        description="fired: there is a run; skipped: nobody saw it in time; failed: the template "
        "does not take it any more"
    )
    why: str | None = Field(description="why there is no run, or one although it was late")
    run: int | None


class ScheduleAnswer(Answer):
    """A schedule, without its secret variables; what it has done last and does next."""

    name: str
    spec: dict[str, JsonValue] = Field(description="the schedule with its defaults filled in")
    secret_vars: list[str] = Field(
        description="the secret variables that are kept; their values are never shown"
    )
    next: list[DueAnswer] = Field(
        description="the next five due times, before any jitter; none while it is paused"
    )
    readable: bool = Field(
        description="false: it has what this version does not take, and runs nothing until one "
        "that does is installed, or it is put anew"
    )
    last: LastDueAnswer | None = Field(description="the last due time that was seen")
    created_at: UtcTime
    updated_at: UtcTime
    updated_by: str

    @classmethod
    def of(cls, stored: StoredSchedule) -> Self:
        """Show *stored*."""
        schedule = restored(stored.spec)
        told = {"readable": schedule is not None, "last": _last(stored)}
        upcoming = _next(schedule, stored.next_at) if schedule else []
        return cls.model_validate({**stored._asdict(), "next": upcoming, **told})


def _next(schedule: Schedule, next_at: datetime | None) -> list[dict[str, object]]:
    zone = schedule.at.tzinfo if schedule.at else schedule.zone
    return [
        {"at": time, "local": time.astimezone(zone).isoformat()}
        for time in due.upcoming(schedule, next_at)
    ]


def _last(stored: StoredSchedule) -> dict[str, object] | None:
    if stored.last_at is None:
        return None
    return {
        "due": stored.last_at,
        "seen_at": stored.last_seen_at,
        "outcome": stored.last_outcome,
        "why": stored.last_why,
        "run": stored.last_run,
    }


class SchedulePage(Answer):
    """Schedules by name."""

    schedules: list[ScheduleAnswer]
    next: str | None = Field(description="where the next page is; null on the last")
