"""What the API takes of templates, besides themselves: their statistics and schedules."""

from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from app.api.parameters import Limit, digits
from app.operations import Query


class TemplatesQuery(Query):
    """Which templates."""

    after: Annotated[str, StringConstraints(max_length=63)] = Field(
        default="", description="only templates whose names come behind this"
    )
    limit: Limit = 50


class StatisticsQuery(Query):
    """Which days."""

    days: Annotated[int, Field(ge=1, le=366), BeforeValidator(digits)] = Field(
        default=30, description="how many, today (UTC) the last"
    )


class SchedulesQuery(Query):
    """Which schedules."""

    after: Annotated[str, StringConstraints(max_length=63)] = Field(
        default="", description="only schedules whose names come behind this"
    )
    limit: Limit = 50
