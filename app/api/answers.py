"""What the API answers, as models: the specification is made of them."""

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from runner.credential import Kind
from runner.run import Run, RunState, StopOutcome, Trigger
from runner.store.credentials import StoredCredential
from runner.store.events import RunEvent
from runner.store.health import Health
from runner.store.templates import StoredTemplate
from runner.store.watch import VERDICTS

HIDDEN = "********"


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC)


UtcTime = Annotated[AwareDatetime, AfterValidator(_utc)]


class Answer(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class TemplateAnswer(Answer):
    """A template and who changed it last."""

    name: str
    spec: dict[str, JsonValue] = Field(description="the template with its defaults filled in")
    created_at: UtcTime
    updated_at: UtcTime
    updated_by: str

    @classmethod
    def of(cls, stored: StoredTemplate) -> Self:
        """Show *stored*."""
        return cls.model_validate(stored._asdict())


class TemplatePage(Answer):
    """Templates by name."""

    templates: list[TemplateAnswer]
    next: str | None = Field(description="where the next page is; null on the last")


class CredentialAnswer(Answer):
    """A credential without its secrets, and who changed it last; null is what its kind lacks."""

    name: str
    kind: Kind
    username: str | None = None
    host: str | None = Field(default=None, description="null: whichever a repository is on")
    vault_id: str | None = None
    host_keys: str | None = None
    known_hosts: bool | None = Field(default=None, description="whether any were given")
    public_key: str | None = Field(default=None, description="as authorized_keys has it")
    fingerprint: str | None = Field(default=None, description="as ssh-keygen -l shows it")
    created_at: UtcTime
    updated_at: UtcTime
    updated_by: str

    @classmethod
    def of(cls, stored: StoredCredential) -> Self:
        """Show *stored*."""
        return cls.model_validate({**stored.shown, **stored._asdict()})


class CredentialPage(Answer):
    """Credentials by name."""

    credentials: list[CredentialAnswer]
    next: str | None = Field(description="where the next page is; null on the last")


class StopAnswer(Answer):
    """A request to stop, and what came of it."""

    requested_at: UtcTime
    by: str | None
    reason: str | None
    forced_at: UtcTime | None
    forced_by: str | None
    outcome: StopOutcome | None
    seconds: float | None = Field(description="from the request until no process was left")


class OutputAnswer(Answer):
    """How much output there is."""

    bytes: int
    complete: bool | None = Field(description="null until the run is final")
    truncated: bool


class RunAnswer(Answer):
    """One execution of a template."""

    id: int
    template: str
    state: RunState
    stopping: bool = Field(description="a stop was asked for, and it is still running")
    stale: bool = Field(description="its runner is not heard of: it may not be running any more")
    phase: str | None
    message: str | None = Field(description="how it ended, in a sentence")
    trigger: Trigger
    triggered_by: str
    reason: str | None
    rerun_of: int | None = Field(description="the run that it repeats")
    only_hosts: list[str] | None = Field(
        description="the only hosts that it plays on; null: all that its inventory and limit name"
    )
    vars: dict[str, JsonValue] = Field(description=f"as accepted; secret ones are {HIDDEN}")
    options: dict[str, JsonValue] = Field(description="the template's with the overrides")
    queued_at: UtcTime
    claimed_at: UtcTime | None
    playing_at: UtcTime | None
    finished_at: UtcTime | None
    attempt: int
    runner: str | None
    machine: str | None
    heartbeat_at: UtcTime | None
    exit_code: int | None
    playbook_sha: str | None
    inventory_sha: str | None
    stop: StopAnswer | None
    survivors: list[dict[str, JsonValue]]
    may_continue_on: list[str] | None = Field(
        description="remote hosts with a task or an async job in flight when it ended: that may go "
        "on there; null while it plays, and when it is not known"
    )
    left_running: list[dict[str, JsonValue]] = Field(
        description="async jobs that its template let outlive it, as they were at its end"
    )
    host_count: int | None = Field(
        description="of how many hosts /hosts tells what came of them; null until it is final, and "
        "when that is not known"
    )
    late_result: dict[str, JsonValue] | None
    output: OutputAnswer

    @classmethod
    def of(cls, run: Run) -> Self:
        """Show *run*, without its secrets."""
        shown = {name: getattr(run, name) for name in cls.model_fields if hasattr(run, name)}
        return cls.model_validate(
            {
                **shown,
                "stopping": run.is_stopping,
                "vars": {**run.accepted, **_hidden(run)},
                "stop": _stop(run),
                "output": {
                    "bytes": run.output_bytes,
                    "complete": run.output_complete,
                    "truncated": run.output_truncated,
                },
            }
        )


def _hidden(run: Run) -> dict[str, str]:
    """Name the secrets that the run could have been given; which of them is encrypted too."""
    if run.secrets is None:
        return {}
    accepts: dict[str, dict[str, Any]] = run.spec["accepts"]
    return {name: HIDDEN for name, rule in accepts.items() if rule.get("secret")}


def _stop(run: Run) -> dict[str, Any] | None:
    if run.stop_requested_at is None:
        return None
    return {
        "requested_at": run.stop_requested_at,
        "by": run.stop_requested_by,
        "reason": run.stop_reason,
        "forced_at": run.force_requested_at,
        "forced_by": run.force_requested_by,
        "outcome": run.stop_outcome,
        "seconds": run.stop_seconds,
    }


class RunPage(Answer):
    """Runs, the newest first."""

    runs: list[RunAnswer]
    next: str | None = Field(description="where the next page is; null on the last")


class EventAnswer(Answer):
    """Something that happened to a run."""

    id: int
    at: UtcTime
    kind: str
    state: RunState
    actor: str
    detail: dict[str, JsonValue]

    @classmethod
    def of(cls, event: RunEvent) -> Self:
        """Show *event*."""
        return cls.model_validate(event._asdict())


class EventPage(Answer):
    """Events in their order."""

    events: list[EventAnswer]
    next: str | None = Field(description="where the next page is; null on the last")


class ProcessesAnswer(Answer):
    """The family of a run, as its runner sees it now."""

    processes: list[dict[str, JsonValue]]


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


class FaultAnswer(Answer):
    """A field that is wrong."""

    field: str
    message: str


class ProblemAnswer(Answer):
    """An error, as RFC 9457 has it."""

    status: int
    title: str
    detail: str
    errors: list[FaultAnswer] | None = None
    run: RunAnswer | None = Field(default=None, description="with 409: the run as it is")
    templates: list[str] | None = Field(
        default=None, description="with 409: the templates that use the credential"
    )
    runs: list[int] | None = Field(
        default=None,
        description="with 409: queued and running runs that use the credential, up to 100",
    )
    id: str | None = Field(default=None, description="with 500: what the log knows it by")
