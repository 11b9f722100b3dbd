"""What the API answers about notifications."""

from typing import Literal, Self

from pydantic import Field, JsonValue

from app.api.answers import Answer, UtcTime
from runner.store.notifications import StoredNotification

NotificationState = Literal["pending", "sent", "skipped", "dead"]


class AttemptAnswer(Answer):
    """One attempt to tell."""

    at: UtcTime
    status: int | None = Field(description="what the target answered, if it did")
    error: str | None
    seconds: float | None = Field(description="null: under way, or its sender was killed")


class NotificationAnswer(Answer):
    """One event, to be told to one target."""

    id: int
    run_id: int
    event_id: int
    occasion: str
    to: dict[str, JsonValue] = Field(
        description='as its template has it; {"kind": "reply"}: where a chat command is answered'
    )
    state: NotificationState
    reason: str | None = Field(description="why it was skipped, or given up")
    attempts: list[AttemptAnswer]
    due_at: UtcTime | None = Field(description="when it is tried next; null when it is not")
    sent_at: UtcTime | None
    created_at: UtcTime

    @classmethod
    def of(cls, stored: StoredNotification) -> Self:
        """Show *stored*."""
        return cls.model_validate(stored._asdict())


class NotificationPage(Answer):
    """Notifications: of a run the oldest first, of all the newest first."""

    notifications: list[NotificationAnswer]
    next: str | None = Field(description="where the next page is; null on the last")
