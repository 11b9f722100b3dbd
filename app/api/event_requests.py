"""What the API takes of what a playbook tells: events, tasks, results and hosts."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from app.api.event_answers import HostState, Status
from app.api.parameters import EventId, Limit, Number, digits
from app.operations import Query
from runner.recap import LONGEST_NAME

Kind = Annotated[str, StringConstraints(pattern="^[a-z_]{1,40}$")]


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


class EventsHeaders(Query):
    """Where a follower was cut off."""

    last_event_id: EventId | None = Field(
        default=None, alias="Last-Event-ID", description="sent by an EventSource; beats after"
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
        int, Field(ge=1, le=5000, description="how many at most"), BeforeValidator(digits)
    ] = 1000


class HostsQuery(Query):
    """Which hosts."""

    after: Annotated[str, StringConstraints(max_length=LONGEST_NAME)] = Field(
        default="", description="only hosts whose names come behind this"
    )
    limit: Limit = 100
    state: list[HostState] = Field(default=[], description="may be repeated")
