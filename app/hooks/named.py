"""What every hook has: its secrets, and how much of it is taken."""

import base64
import binascii
from typing import Annotated, Any, Final, Self

from pydantic import Field, StringConstraints, model_validator

from runner.strict import Strict
from runner.template import NAME

Secret = Annotated[
    str,
    StringConstraints(min_length=8, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$"),
]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[!-~]+$")]
TemplateName = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
PerMinute = Annotated[int, Field(ge=1, le=100_000)]


#: Senders that are believed by a key of theirs which is no secret of ours.
WITHOUT_SECRET: Final = frozenset({"aws_sns", "google_chat"})


class Named(Strict):
    """What every hook has."""

    secret: Secret | None = Field(
        default=None,
        description="what the sender signs with, or sends; never shown. Left out: it stays as it "
        "is",
    )
    secrets: Annotated[list[Secret], Field(min_length=1, max_length=2)] | None = Field(
        default=None, description="two that are valid at once, while one takes the other's place"
    )
    enabled: bool = Field(default=True, description="false: answered as if there were none")
    per_minute: PerMinute = Field(
        default=3000, description="deliveries that are taken in a minute; more are 429"
    )

    @model_validator(mode="after")
    def _has_one_kind_of_secrets(self) -> Self:
        if self.secret is not None and self.secrets is not None:
            raise ValueError("give `secret` or `secrets`, not both")
        return self

    @property
    def given_secrets(self) -> list[str]:
        """Those that were put; none when they shall stay as they are."""
        return [self.secret] if self.secret is not None else list(self.secrets or ())

    @property
    def options(self) -> dict[str, Any]:
        """What the sender's file needs to know beside the secrets."""
        return {}

    def spec(self) -> dict[str, Any]:
        """Write it as it is stored: without secrets."""
        return self.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude={"secret", "secrets"}
        )


def require_long(secret: str) -> None:
    """Refuse what the library takes and nobody should: an empty key, one byte."""
    if len(require_base64(secret.removeprefix("whsec_"))) < 24:
        raise ValueError("secret must be whsec_ and 24 bytes or more in base64")


def require_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("secret must be in base64") from None
