"""Hooks of chats: who may do what there."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from app.hooks.globs import Glob
from app.hooks.named import Named, Word, require_base64
from runner.strict import Strict
from runner.words import CredentialName

ChatName = Literal[
    "slack", "mattermost", "discord", "teams", "telegram", "google_chat", "rocketchat", "zulip"
]
#: What a person can be allowed to do over a chat.
Right = Literal["read", "run", "stop", "approve"]
Id = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[!-~]+$")]
Server = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$", max_length=300)]


class Person(Strict):
    """Who may do what over a chat, by ids: names change hands."""

    users: Annotated[list[Id], Field(min_length=1, max_length=1000)] = Field(
        description='ids of users; ["*"]: everybody in these channels'
    )
    workspace: Id | None = Field(
        default=None, description="the id of their team, server or tenant; null: any"
    )
    channels: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = Field(
        default=None, description="ids of channels where it counts; null: all"
    )
    rights: Annotated[list[Right], Field(min_length=1, max_length=4)]
    templates: Annotated[list[Glob], Field(min_length=1, max_length=100)] = Field(
        default=["*"], description="globs of templates' names; a `!` in front excludes"
    )


class ChatHook(Named):
    """Of a chat, in which people type commands."""

    sender: ChatName
    people: Annotated[list[Person], Field(min_length=1, max_length=1000)] = Field(
        description="who may do what; whoever is not named may do nothing"
    )
    server: Server | None = Field(
        default=None, description="Mattermost: where it is; later answers go only there"
    )
    audience: Word | None = Field(
        default=None, description="Google Chat: the project's number, or the hook's URL"
    )
    credential: CredentialName | None = Field(
        default=None,
        description="Slack, Telegram: the api_token with which later answers are sent",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.sender == "google_chat") != (self.audience is not None):
            raise ValueError("audience is for google_chat, and needed there")
        if self.sender == "google_chat" and self.given_secrets:
            raise ValueError("google_chat has no secret: its tokens are signed by Google")
        if self.server is not None and self.sender != "mattermost":
            raise ValueError("server is for mattermost")
        if self.credential is not None and self.sender not in ("slack", "telegram"):
            raise ValueError("credential is for slack and telegram")
        for secret in self.given_secrets:
            if self.sender == "discord" and not re.fullmatch("[0-9a-f]{64}", secret):
                raise ValueError("secret is the application's public key: 64 hex digits")
            if self.sender == "teams":
                require_base64(secret)
        return self

    @property
    def options(self) -> dict[str, Any]:
        """Where it is, and whom its tokens are for."""
        return {"server": self.server, "audience": self.audience}
