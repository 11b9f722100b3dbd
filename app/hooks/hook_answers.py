"""What hooks answer: to their senders, and to those who look after them."""

from datetime import datetime
from typing import Any, Self

from pydantic import ConfigDict, Field, JsonValue

from app.api.answers import Answer
from app.hooks.named import WITHOUT_SECRET
from app.hooks.taking import Outcome
from runner.store.deliveries import Delivery
from runner.store.hooks import StoredHook


class TakenAnswer(Answer):
    """What came of one ref of a delivery."""

    id: int | None = Field(description="of the delivery, as the hook's list has it")
    ref: str | None
    decision: str = Field(description="queued, ignored, refused, rejected or duplicate")
    why: str | None = Field(description="why nothing was queued, or not again")
    run: int | None = Field(description="the run, or the one that the same delivery made before")
    superseded: list[int] = Field(description="queued runs whose place it took")
    replaced: list[int] = Field(description="running runs that were asked to stop for it")

    @classmethod
    def of(cls, outcome: Outcome) -> Self:
        """Show *outcome*."""
        taken = outcome.admitted
        return cls(
            id=outcome.delivery,
            ref=outcome.ref,
            decision=outcome.decision,
            why=outcome.why,
            run=outcome.run_id,
            superseded=[run.id for run in taken.superseded] if taken else [],
            replaced=[run.id for run in taken.replaced] if taken else [],
        )


class HookAnswer(Answer):
    """What came of a delivery."""

    model_config = ConfigDict(extra="allow")

    runs: list[int]
    why: str | None = Field(default=None, description="why nothing was queued, or not again")
    deliveries: list[TakenAnswer] = Field(default=[], description="each ref of it")


class StoredHookAnswer(Answer):
    """A hook, without its secrets."""

    model_config = ConfigDict(extra="allow")

    name: str
    sender: str
    path: str = Field(description="where its sender calls, at this server")
    has_secret: bool = Field(description="whether there is one; it is never shown")
    created_at: datetime
    updated_at: datetime
    updated_by: str

    @classmethod
    def of(cls, stored: StoredHook) -> Self:
        """Show *stored* as it was put."""
        about: dict[str, Any] = {
            "name": stored.name,
            "path": f"/hooks/{stored.name}",
            "has_secret": stored.sealed is not None and stored.sender not in WITHOUT_SECRET,
            "created_at": stored.created_at,
            "updated_at": stored.updated_at,
            "updated_by": stored.updated_by,
        }
        return cls.model_validate({**stored.spec, **about})


class HookPage(Answer):
    """Hooks by name."""

    hooks: list[StoredHookAnswer]
    next: str | None = Field(description="where the next page is; null on the last")


class DeliveryAnswer(Answer):
    """A delivery about one ref, and what was decided."""

    id: int
    received_at: datetime
    times: int = Field(description="how often it came")
    ref: str
    decision: str
    why: str | None
    run_id: int | None
    redelivery_of: int | None
    event: dict[str, JsonValue] = Field(description="what has happened, in Curtain's words")

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Show *delivery*."""
        return cls.model_validate({name: getattr(delivery, name) for name in cls.model_fields})


class DeliveryPage(Answer):
    """Deliveries, the newest first."""

    deliveries: list[DeliveryAnswer]
    next: str | None = Field(description="where the next page is; null on the last")


class TrialAnswer(Answer):
    """What a hook would do."""

    events: list[dict[str, JsonValue]] = Field(description="what has happened, in Curtain's words")
    decisions: list[TakenAnswer]
    vars: list[dict[str, JsonValue] | None] = Field(
        description="the variables of each run, without secret ones; null where there is none"
    )
    overrides: list[dict[str, JsonValue] | None]
