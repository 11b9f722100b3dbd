"""What the API takes beside templates: queries, headers and bodies, as models that check."""

import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field, JsonValue, RootModel, StringConstraints

from app.api.event_answers import HostState, Status
from app.api.notification_answers import NotificationState
from app.hooks.hook import Hook
from app.operations import Query
from runner.credential import Credential
from runner.recap import LONGEST_NAME
from runner.run import RunState, Trigger
from runner.storable import BIGGEST
from runner.strict import Strict
from runner.template import NAME, Overrides


def _digits(text: object) -> object:
    """Refuse what int() takes besides: spaces, signs, underscores, a point."""
    if isinstance(text, str) and not re.fullmatch("[0-9]{1,19}", text):
        raise ValueError("must be a whole number, 0 or more")
    return text


def _rfc3339(text: object) -> object:
    """Refuse what pydantic takes besides: seconds since 1970, a date alone."""
    if isinstance(text, str) and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]", text):
        raise ValueError("must be a time as RFC 3339 has it: 2026-11-21T10:00:00Z")
    return text


#: The check stands before the limits: behind it pydantic would not know them for a schema's.
Limit = Annotated[
    int, Field(ge=1, le=500, description="how many at most"), BeforeValidator(_digits)
]
#: With room for a page behind it in a bigint.
Offset = Annotated[int, Field(ge=0, le=2**62), BeforeValidator(_digits)]
#: An offset and, where events are followed too, the last of those.
PLACE = r"^[0-9]{1,18}(\.[0-9]{1,18})?$"
RunId = Annotated[int, Field(ge=1, le=BIGGEST), BeforeValidator(_digits)]
EventId = Annotated[int, Field(ge=0, le=BIGGEST), BeforeValidator(_digits)]
Number = Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(_digits)]
Kind = Annotated[str, StringConstraints(pattern="^[a-z_]{1,40}$")]
Time = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]
Reason = Annotated[str, StringConstraints(max_length=1000)]
IdempotencyKey = Annotated[str, StringConstraints(pattern=r"^[!-~]([ -~]{0,253}[!-~])?$")]


class WaitQuery(Query):
    """How long to wait for the end of the run."""

    wait: float | None = Field(
        default=None, ge=0, le=300, description="seconds; answers 200 when the run is final"
    )


class PreviewQuery(Query):
    """How long to wait for a runner's answer."""

    wait: float = Field(default=20, ge=0, le=60, description="seconds; 503 when it has not come")


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


class TemplatesQuery(Query):
    """Which templates."""

    after: Annotated[str, StringConstraints(max_length=63)] = Field(
        default="", description="only templates whose names come behind this"
    )
    limit: Limit = 50


class StatisticsQuery(Query):
    """Which days."""

    days: Annotated[int, Field(ge=1, le=366), BeforeValidator(_digits)] = Field(
        default=30, description="how many, today (UTC) the last"
    )


class CredentialsQuery(Query):
    """Which credentials."""

    after: Annotated[str, StringConstraints(max_length=63)] = Field(
        default="", description="only credentials whose names come behind this"
    )
    limit: Limit = 50


class HooksQuery(Query):
    """Which hooks."""

    after: Annotated[str, StringConstraints(max_length=63)] = Field(
        default="", description="only hooks whose names come behind this"
    )
    limit: Limit = 50


class SchedulesQuery(Query):
    """Which schedules."""

    after: Annotated[str, StringConstraints(max_length=63)] = Field(
        default="", description="only schedules whose names come behind this"
    )
    limit: Limit = 50


class DeliveriesQuery(Query):
    """Which deliveries."""

    before: RunId | None = Field(default=None, description="only deliveries with a smaller id")
    decision: Literal["queued", "ignored", "refused", "rejected", "answered", "denied"] | None = (
        None
    )
    limit: Limit = 50


class EventsQuery(Query):
    """Which events."""

    after: EventId = Field(default=0, description="only events with a bigger id")
    limit: Limit = 100
    kind: list[Kind] = Field(
        default=["move"],
        description="may be repeated: move (all moves of the run, as unless given) or one of them, "
        "such as stopped; of what the playbook tells: play, task, result, warning, deprecation, "
        "stats, dropped",
    )


class TasksQuery(Query):
    """Which tasks."""

    order: Literal["number", "slowest"] = "number"
    after: Number = Field(default=0, description="only tasks behind the one of this number")
    limit: Limit = 100


class ResultsQuery(Query):
    """Which results."""

    task: Number | None = Field(default=None, description="only of the task of this number")
    host: Annotated[str, StringConstraints(max_length=LONGEST_NAME)] | None = None
    status: list[Status] = Field(default=[], description="may be repeated")
    after: EventId = Field(default=0, description="only results with a bigger id")
    limit: Annotated[
        int, Field(ge=1, le=5000, description="how many at most"), BeforeValidator(_digits)
    ] = 1000


class RunNotificationsQuery(Query):
    """Which notifications of a run."""

    after: EventId = Field(default=0, description="only notifications with a bigger id")
    limit: Limit = 100


class NotificationsQuery(Query):
    """Which notifications."""

    before: RunId | None = Field(default=None, description="only notifications with a smaller id")
    limit: Limit = 50
    state: list[NotificationState] = Field(default=[], description="may be repeated")


class HostsQuery(Query):
    """Which hosts."""

    after: Annotated[str, StringConstraints(max_length=LONGEST_NAME)] = Field(
        default="", description="only hosts whose names come behind this"
    )
    limit: Limit = 100
    state: list[HostState] = Field(default=[], description="may be repeated")


class OutputQuery(Query):
    """Which part of the output."""

    offset: Offset = Field(default=0, description="the first byte wanted")
    since: Time | None = Field(
        default=None, description="only what was stored at this time or later, to 250 ms"
    )
    events: bool = Field(
        default=False, description="whether a follower also gets what the playbook tells"
    )
    after: EventId = Field(default=0, description="of those only events with a bigger id")


class TriggerHeaders(Query):
    """What makes a repeated request safe."""

    key: IdempotencyKey | None = Field(
        default=None,
        alias="Idempotency-Key",
        description="a request with the same key gives the same run",
    )


class OutputHeaders(Query):
    """Where a follower was cut off."""

    last_event_id: Annotated[str, StringConstraints(pattern=PLACE)] | None = Field(
        default=None,
        alias="Last-Event-ID",
        description="sent by an EventSource; beats offset and after",
    )


class EventsHeaders(Query):
    """Where a follower was cut off."""

    last_event_id: EventId | None = Field(
        default=None, alias="Last-Event-ID", description="sent by an EventSource; beats after"
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


class CredentialBody(RootModel[Credential]):
    """A credential of one kind."""


class HookBody(RootModel[Hook]):
    """A hook of one sender."""


class TrialBody(Strict):
    """A delivery that has not come."""

    payload: dict[str, JsonValue] = Field(description="what the sender would send")
    headers: dict[str, str] = Field(
        default={}, description="such as X-GitHub-Event; a signature is not looked at"
    )


class ChatBody(Strict):
    """What somebody types."""

    text: Annotated[str, StringConstraints(max_length=4000)] = Field(
        description="such as: run deploy-web version=1.2, or: stop 12"
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


class ApprovalBody(Strict):
    """What one thinks of a run."""

    reason: Reason | None = None


class MaintenanceBody(Strict):
    """Why nothing shall be taken."""

    reason: Reason | None = None


class StopBody(Strict):
    """How to stop."""

    force: bool = Field(default=False, description="kill at once, without the template's grace")
    reason: Reason | None = None
