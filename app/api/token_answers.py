"""What the API answers of tokens and of the audit."""

from typing import Self

from pydantic import Field, JsonValue

from app.api.answers import Answer, UtcTime
from app.rights import Right
from runner.store.audit import StoredEntry
from runner.store.tokens import StoredToken


class TokenAnswer(Answer):
    """A token, without what it is."""

    name: str
    id: str = Field(description="stands in the token: curtain_ID_…")
    rights: list[Right] = Field(description="as they were given")
    templates: list[str] = Field(description="globs; none: all, and what belongs to no template")
    created_at: UtcTime
    created_by: str
    expires_at: UtcTime | None = Field(description="null: never")
    last_used_at: UtcTime | None = Field(description="to a minute; null: never")

    @classmethod
    def of(cls, stored: StoredToken) -> Self:
        """Show *stored*."""
        return cls.model_validate(stored._asdict())


class NewTokenAnswer(TokenAnswer):
    """A token that was just made."""

    token: str = Field(description="what to send; it is not shown again")


class TokenPage(Answer):
    """Tokens by name."""

    tokens: list[TokenAnswer]
    next: str | None = Field(description="where the next page is; null on the last")


class AuditAnswer(Answer):
    """Something that somebody did."""

    id: int
    at: UtcTime
    actor: str
    action: str
    target: str
    template: str | None = Field(description="that it is about, if it is about one")
    address: str | None = Field(description="of whoever sent the request")
    agent: str | None = Field(description="what their program calls itself")
    before: dict[str, JsonValue] | None = Field(description="a declaration as it was")
    after: dict[str, JsonValue] | None = Field(description="and as it is")
    detail: dict[str, JsonValue]

    @classmethod
    def of(cls, entry: StoredEntry) -> Self:
        """Show *entry*."""
        return cls.model_validate(entry._asdict())


class AuditPage(Answer):
    """What was done, the newest first."""

    entries: list[AuditAnswer]
    next: str | None = Field(description="where the next page is; null on the last")
