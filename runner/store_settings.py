"""Those settings by which what is stored is read: all that a backup or a rotation needs."""

from collections.abc import Mapping
from typing import Self

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from runner.errors import RunnerError


class SettingsInvalid(RunnerError):
    """The settings are not usable."""


class StoreSettings(BaseModel):
    """What is needed to read what is stored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: str = Field(
        alias="DATABASE_URL", min_length=1, description="Postgres 15 or newer: postgresql://…"
    )
    secret_key: str = Field(
        alias="CURTAIN_SECRET_KEY",
        min_length=16,
        repr=False,
        description="encrypts secrets at rest; after a comma older keys, which are still read",
    )

    @field_validator("database_url")
    @classmethod
    def _is_conninfo(cls, value: str) -> str:
        try:
            conninfo_to_dict(value)
        except ProgrammingError:
            raise ValueError("is not of the form postgresql://user:password@host/name") from None
        return value

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Self:
        """Read every setting. Raise SettingsInvalid naming all that are missing or wrong."""
        try:
            return cls.model_validate({name: value for name, value in environ.items() if value})
        except ValidationError as error:
            wrong = [f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors()]
            raise SettingsInvalid("; ".join(wrong)) from None
