"""What the API answers about itself."""

from typing import Self

from pydantic import Field

from app.api.answers import Answer, UtcTime
from runner.store.health import Health
from runner.store.watch import VERDICTS


class HealthAnswer(Answer):
    """That this process answers."""

    status: str


class WatchdogAnswer(Answer):
    """How the watchdog's rounds go, and what it looks after."""

    last_round_at: UtcTime | None = Field(description="null before the first round")
    seconds_ago: float | None = Field(
        description="since the last round; one is made every sixth of RUNNER_LEASE"
    )
    round_seconds: float | None = Field(description="what the last round took")
    rounds: int
    verdicts: dict[str, int] = Field(
        description="what all watchdogs have decided so far: "
        + "; ".join(f"{kind}: {meaning}" for kind, meaning in VERDICTS.items())
    )
    oldest_queued_seconds: float | None = Field(
        description="how long the oldest queued run waits; null when none does"
    )
    stuck_stopping: int = Field(
        description="runs whose stop takes longer than its 2 s, the template's grace and 10 s, "
        "or when forced 10 s: a person should look at them"
    )

    @classmethod
    def of(cls, health: Health) -> Self:
        """Show *health*."""
        shown = {name: getattr(health, name) for name in cls.model_fields if hasattr(health, name)}
        return cls.model_validate({**shown, "last_round_at": health.round_at})


class WordAnswer(Answer):
    """How one part is, in words."""

    part: str
    is_well: bool
    says: str
    advice: str | None = Field(description="what to do; null: nothing")


class ReadyAnswer(Answer):
    """Whether what this process needs is there."""

    status: str = Field(
        description="ready; degraded without Redis, without a runner or without a round of the "
        "watchdog in the last 30 seconds (or RUNNER_LEASE); away without Postgres"
    )
    postgres: str
    redis: str
    runners: int | None = Field(description="runners heard of in the last 30 seconds")
    containment: dict[str, int] | None = Field(
        description="how many of them hold families by `cgroup v2`, `cgroup v1` or `subreaper`"
    )
    watchdog: WatchdogAnswer | None = Field(description="null when Postgres does not tell")
    words: list[WordAnswer] = Field(
        description="the same for people: of postgres, redis, and if Postgres tells, of runners, "
        "watchdog, queue and stops, and of notifications that were given up"
    )
