"""What the API takes of a run's output: from where on."""

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from app.api.parameters import EventId, Time, digits
from app.operations import Query

#: With room for a page behind it in a bigint.
Offset = Annotated[int, Field(ge=0, le=2**62), BeforeValidator(digits)]
#: An offset and, where events are followed too, the last of those.
PLACE = r"^[0-9]{1,18}(\.[0-9]{1,18})?$"


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


class OutputHeaders(Query):
    """Where a follower was cut off."""

    last_event_id: Annotated[str, StringConstraints(pattern=PLACE)] | None = Field(
        default=None,
        alias="Last-Event-ID",
        description="sent by an EventSource; beats offset and after",
    )
