"""What the API answers when it cannot do what was asked (RFC 9457)."""

from pydantic import Field

from app.api.answers import Answer, FaultAnswer
from app.api.run_answers import RunAnswer
from app.rights import Right


class ProblemAnswer(Answer):
    """An error, as RFC 9457 has it."""

    status: int
    title: str
    detail: str
    errors: list[FaultAnswer] | None = None
    run: RunAnswer | None = Field(default=None, description="with 409: the run as it is")
    templates: list[str] | None = Field(
        default=None, description="with 409: the templates that use the credential"
    )
    hooks: list[str] | None = Field(
        default=None, description="with 409: the hooks that run the template or use the credential"
    )
    schedules: list[str] | None = Field(
        default=None, description="with 409: the schedules that run the template"
    )
    runs: list[int] | None = Field(
        default=None,
        description="with 409: queued and running runs that use the credential, up to 100",
    )
    right: Right | None = Field(default=None, description="with 403: the right that is missing")
    id: str | None = Field(default=None, description="with 500: what the log knows it by")
