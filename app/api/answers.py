"""What the API answers, as models: the specification is made of them."""

from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, JsonValue

from runner.credential import Kind
from runner.run import RunState
from runner.store.credentials import StoredCredential
from runner.store.events import RunEvent
from runner.store.templates import StoredTemplate
from runner.template import filled


def _utc(time: datetime) -> datetime:
    return time.astimezone(UTC)


UtcTime = Annotated[AwareDatetime, AfterValidator(_utc)]


class Answer(BaseModel):
    """What is answered."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class TemplateAnswer(Answer):
    """A template and who changed it last."""

    name: str
    spec: dict[str, JsonValue] = Field(description="the template with its defaults filled in")
    created_at: UtcTime
    updated_at: UtcTime
    updated_by: str

    @classmethod
    def of(cls, stored: StoredTemplate) -> Self:
        """Show *stored*."""
        return cls.model_validate({**stored._asdict(), "spec": filled(stored.spec)})


class TemplatePage(Answer):
    """Templates by name."""

    templates: list[TemplateAnswer]
    next: str | None = Field(description="where the next page is; null on the last")


class CredentialAnswer(Answer):
    """A credential without its secrets, and who changed it last; null is what its kind lacks."""

    name: str
    kind: Kind
    username: str | None = None
    host: str | None = Field(
        default=None, description="of a git_https null: whichever a repository is on"
    )
    vault_id: str | None = None
    host_keys: str | None = None
    known_hosts: bool | None = Field(default=None, description="whether any were given")
    signed: bool | None = Field(default=None, description="whether it has a secret to sign with")
    public_key: str | None = Field(default=None, description="as authorized_keys has it")
    fingerprint: str | None = Field(default=None, description="as ssh-keygen -l shows it")
    created_at: UtcTime
    updated_at: UtcTime
    updated_by: str

    @classmethod
    def of(cls, stored: StoredCredential) -> Self:
        """Show *stored*."""
        return cls.model_validate({**stored.shown, **stored._asdict()})


class CredentialPage(Answer):
    """Credentials by name."""

    credentials: list[CredentialAnswer]
    next: str | None = Field(description="where the next page is; null on the last")


class EventAnswer(Answer):
    """Something that happened to a run."""

    id: int
    at: UtcTime
    kind: str
    state: RunState
    actor: str
    detail: dict[str, JsonValue]

    @classmethod
    def of(cls, event: RunEvent) -> Self:
        """Show *event*."""
        return cls.model_validate(event._asdict())


class ProcessesAnswer(Answer):
    """The family of a run, as its runner sees it now."""

    processes: list[dict[str, JsonValue]]


class FaultAnswer(Answer):
    """A field that is wrong."""

    field: str
    message: str
