"""What the API takes of notifications."""

from pydantic import Field

from app.api.notification_answers import NotificationState
from app.api.parameters import EventId, Limit, RunId
from app.operations import Query


class NotificationsQuery(Query):
    """Which notifications."""

    before: RunId | None = Field(default=None, description="only notifications with a smaller id")
    limit: Limit = 50
    state: list[NotificationState] = Field(default=[], description="may be repeated")


class RunNotificationsQuery(Query):
    """Which notifications of a run."""

    after: EventId = Field(default=0, description="only notifications with a bigger id")
    limit: Limit = 100
