"""What the API answers about runners."""

from typing import Any, Self

from pydantic import Field

from app.api.answers import Answer, UtcTime
from runner.store.maintenance import Pause


class DrainAnswer(Answer):
    """Who has a runner take no more runs."""

    since: UtcTime
    by: str
    reason: str | None


class RunnerAnswer(Answer):
    """A runner that was heard of lately."""

    name: str
    machine: str
    queues: list[str] = Field(description="whose runs it takes, the first first")
    slots: int
    busy: int = Field(description="slots that are taken")
    containment: str | None = Field(description="what it holds families with")
    missing: list[str] = Field(description="programs that it needs and has not: its runs fail")
    short_of_memory: bool = Field(description="it takes no run until there is more")
    started_at: UtcTime
    beat_at: UtcTime
    drain: DrainAnswer | None = Field(description="null: it takes runs")

    @classmethod
    def of(cls, row: dict[str, Any]) -> Self:
        """Show the runner of a *row*."""
        drain = row["drained_at"] and {
            "since": row["drained_at"],
            "by": row["drained_by"],
            "reason": row["drain_reason"],
        }
        return cls.model_validate({**row, "drain": drain})


class RunnerList(Answer):
    """Runners by name."""

    runners: list[RunnerAnswer]


class MaintenanceAnswer(Answer):
    """Whether runs are taken from the queue."""

    paused: bool
    since: UtcTime | None
    by: str | None
    reason: str | None

    @classmethod
    def of(cls, pause: Pause | None) -> Self:
        """Show the *pause* that there is."""
        if pause is None:
            return cls(paused=False, since=None, by=None, reason=None)
        return cls(paused=True, since=pause.paused_at, by=pause.paused_by, reason=pause.reason)
