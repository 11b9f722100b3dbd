"""What the API takes of runs: which to list, and what to do with one."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from app.api.parameters import Limit, Reason, RunId, Time
from app.operations import Query
from runner.run import RunState, Trigger
from runner.strict import Strict
from runner.template import NAME, Overrides

IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]{0,253}[!-~])?$")]


class RunsQuery(Query):
    """Which runs."""

    before: RunId | None = Field(default=None, description="only runs with a smaller id")
    limit: Limit = 50
    state: list[RunState] = Field(default=[], description="may be repeated")
    template: Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")] | None = None
    trigger: Trigger | None = None
    rerun_of: RunId | None = Field(default=None, description="only reruns of this run")
    since: Time | None = Field(default=None, description="queued at this time or later")
    until: Time | None = Field(default=None, description="queued before this time")


class WaitQuery(Query):
    """How long to wait for the end of the run."""

    wait: float | None = Field(
        default=None, ge=0, le=300, description="seconds; answers 200 when the run is final"
    )


class TriggerHeaders(Query):
    """What makes a repeated request safe."""

    key: IdempotencyKey | None = Field(
        default=None,
        alias="Idempotency-Key",
        description="a request with the same key gives the same run",
    )


class TriggerBody(Overrides):
    """What a caller wants of one run."""

    vars: dict[str, JsonValue] = Field(default={}, description="as the template accepts them")
    reason: Reason | None = None

    def overrides(self) -> Overrides:
        """The options among it."""
        return Overrides.model_construct(
            **{name: getattr(self, name) for name in Overrides.model_fields}
        )


class RerunBody(Strict):
    """How to repeat a run."""

    at: Literal["same", "newest"] = Field(
        default="same",
        description="same: its template and commits as they were; newest: its template as it is "
        "now, its refs resolved anew",
    )
    hosts: Literal["all", "failed"] = Field(
        default="all",
        description="all: those that the run was for; failed: only those where it failed, or which "
        "it could not reach",
    )
    reason: Reason | None = None


class StopBody(Strict):
    """How to stop."""

    force: bool = Field(default=False, description="kill at once, without the template's grace")
    reason: Reason | None = None


class ApprovalBody(Strict):
    """What one thinks of a run."""

    reason: Reason | None = None
