"""What the API takes of hooks and of their deliveries."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, RootModel, StringConstraints

from app.api.parameters import Limit, RunId
from app.hooks.hook import Hook
from app.operations import Query
from runner.strict import Strict


class HooksQuery(Query):
    """Which hooks."""

    after: Annotated[str, StringConstraints(max_length=63)] = Field(
        default="", description="only hooks whose names come behind this"
    )
    limit: Limit = 50


class HookBody(RootModel[Hook]):
    """A hook of one sender."""


class DeliveriesQuery(Query):
    """Which deliveries."""

    before: RunId | None = Field(default=None, description="only deliveries with a smaller id")
    decision: Literal["queued", "ignored", "refused", "rejected", "answered", "denied"] | None = (
        None
    )
    limit: Limit = 50


class TrialBody(Strict):
    """A delivery that has not come."""

    payload: dict[str, JsonValue] = Field(description="what the sender would send")
    headers: dict[str, str] = Field(
        default={}, description="such as X-GitHub-Event; a signature is not looked at"
    )
