"""Where notifications may go, by which server, and what they link to."""

import re
from ipaddress import ip_network

from pydantic import BaseModel, Field, field_validator

from runner.mail_server import mail_server
from runner.words import ADDRESS


class NotificationSettings(BaseModel):
    """Those settings that notifications need; a part of Settings, which splits their lists."""

    url: str | None = Field(
        alias="CURTAIN_URL",
        default=None,
        pattern=r"^https?://[^\s\\?#]+$",
        description="where people reach web: what notifications link to",
    )
    notify_private: tuple[str, ...] = Field(
        alias="CURTAIN_NOTIFY_PRIVATE",
        default=(),
        description="hosts and networks (10.1.0.0/16) that may be notified though they are private "
        "or speak plain http; commas",
    )
    smtp_url: str | None = Field(
        alias="CURTAIN_SMTP_URL",
        default=None,
        repr=False,
        description="the server for e-mail: smtps://user:password@host, smtp://…?starttls",
    )
    smtp_from: str | None = Field(
        alias="CURTAIN_SMTP_FROM", default=None, description="the sender of e-mail"
    )

    @field_validator("notify_private")
    @classmethod
    def _are_places(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for place in value:
            if not re.fullmatch(r"[A-Za-z0-9.:_-]+(/[0-9]{1,3})?", place):
                raise ValueError(f"{place} is neither a host nor a network")
            if "/" in place:
                ip_network(place, strict=False)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _is_mail_server(cls, value: str | None) -> str | None:
        if value is not None:
            mail_server(value)
        return value

    @field_validator("smtp_from")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(ADDRESS, value):
            raise ValueError("is no e-mail address: write curtain@example.org")
        return value
