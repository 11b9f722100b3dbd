"""What the API answers about a run."""

from typing import Any, Literal, Self

from pydantic import Field, JsonValue

from app.api.answers import Answer, UtcTime
from runner.concurrency import Priority
from runner.run import Run, RunState, StopOutcome, Trigger
from runner.why import Why

HIDDEN = "********"


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
    kept: bool = Field(description="false: it is older than outputs are kept, and gone")


class EventsAnswer(Answer):
    """How much of what its playbook has told is stored."""

    complete: bool | None = Field(
        description="whether all of it; null until the run is final, and where none was told"
    )
    kept: bool = Field(description="false: they are older than events are kept, and gone")


class ApprovalAnswer(Answer):
    """Whether somebody has approved of a run."""

    state: Literal["wanted", "given"]
    rights: list[str] = Field(description="which one needs for it")
    expires_at: UtcTime | None
    approved_at: UtcTime | None
    by: str | None


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
    hook: dict[str, JsonValue] | None = Field(
        description="the hook that it comes from, and what happened there: name, sender, delivery, "
        "event, ref, sha, actor, repository"
    )
    schedule: dict[str, JsonValue] | None = Field(
        description="the schedule that it comes from, and the due time: name, due"
    )
    rerun_of: int | None = Field(description="the run that it repeats")
    queue: str = Field(description="whose runners take it")
    priority: Priority
    concurrency_group: str | None = Field(
        description="what it shares with others, of which only so many run at once"
    )
    not_before: UtcTime | None = Field(description="it is not taken before")
    retry_of: int | None = Field(description="the first of the runs that it retries")
    retry_number: int | None = Field(description="which retry of that it is")
    chained_from: int | None = Field(description="the run whose template's `then` it is of")
    approval: ApprovalAnswer | None = Field(description="null: nobody need approve of it")
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
    events: EventsAnswer

    @classmethod
    def of(cls, run: Run) -> Self:
        """Show *run*, without its secrets."""
        shown = {name: getattr(run, name) for name in cls.model_fields if hasattr(run, name)}
        return cls.model_validate(
            {
                **shown,
                "stopping": run.is_stopping,
                "priority": Priority.of(run.priority),
                "approval": _approval(run),
                "vars": {**run.accepted, **_hidden(run)},
                "stop": _stop(run),
                "output": {
                    "bytes": run.output_bytes,
                    "complete": run.output_complete,
                    "truncated": run.output_truncated,
                    "kept": run.output_kept != "gone",
                },
                "events": {"complete": run.events_complete, "kept": run.events_kept},
            }
        )


def _hidden(run: Run) -> dict[str, str]:
    """Name the secrets that the run could have been given; which of them is encrypted too."""
    if run.secrets is None:
        return {}
    accepts: dict[str, dict[str, Any]] = run.spec["accepts"]
    return {name: HIDDEN for name, rule in accepts.items() if rule.get("secret")}


def _approval(run: Run) -> dict[str, Any] | None:
    if run.approval is None:
        return None
    return {
        "state": run.approval,
        "rights": run.spec["approval"]["rights"],
        "expires_at": run.approval_expires_at,
        "approved_at": run.approved_at,
        "by": run.approved_by,
    }


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


class WaitingAnswer(Answer):
    """What a queued run waits for."""

    reason: Literal["approval", "maintenance", "time", "group", "runner", "slot"] = Field(
        description="approval: somebody must approve of it; maintenance: nothing is taken; time: "
        "it is not to start yet; group: its concurrency group is full; runner: none serves its "
        "queue; slot: all of those are taken, or it is about to start"
    )
    message: str = Field(description="in a sentence")
    behind: list[int] = Field(description="the first of the runs that it waits for")
    ahead: int = Field(description="how many those are; 1000: as many or more")
    until: UtcTime | None = Field(description="when it is over, where that is known")


class OneRunAnswer(RunAnswer):
    """A run, and what it waits for."""

    waiting: WaitingAnswer | None = Field(description="what it waits for; null unless it is queued")

    @classmethod
    def with_why(cls, run: Run, why: Why | None) -> Self:
        """Show *run*, and *why* it waits."""
        shown = RunAnswer.of(run).model_dump()
        return cls.model_validate({**shown, "waiting": why and vars(why)})


class RunPage(Answer):
    """Runs, the newest first."""

    runs: list[RunAnswer]
    next: str | None = Field(description="where the next page is; null on the last")
