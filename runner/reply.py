"""Where a chat command is answered: what a run's `reply` holds when it is unsealed. Pure.

Any target of notifications, or one of the ways in which chats let commands be answered. All of it
was made by the hook that took the command: no payload names a host that its kind does not.
"""

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from runner.errors import RunnerError
from runner.notification import TARGETS, Target
from runner.strict import SHAPE, Strict, tag_of_kind
from runner.words import CredentialName, Host, Token, WebUrl


class ReplyRefused(RunnerError):
    """The place where the command would be answered is none that its chat has."""


class SlackResponseUrl(Strict):
    """The response_url of a Slack command or button: five messages in half an hour."""

    kind: Literal["slack_response_url"]
    url: Annotated[WebUrl, StringConstraints(pattern=r"^https://hooks\.slack\.com/")] = Field(
        repr=False
    )


class SlackThread(Strict):
    """A thread, by a bot's token; for as long as the bot may write."""

    kind: Literal["slack_thread"]
    credential: CredentialName = Field(description="an api_token: https://slack.com/api, xoxb-…")
    channel: Annotated[str, StringConstraints(pattern="^[A-Z0-9]{1,50}$")]
    thread: Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,50}$")] | None = None


class MattermostResponseUrl(Strict):
    """The response_url of a Mattermost command, which is on the server of its hook."""

    kind: Literal["mattermost_response_url"]
    url: WebUrl = Field(repr=False)
    host: Host = Field(description="host or host:port of the hook's server")
    button_url: WebUrl | None = Field(
        default=None, repr=False, description="where presses go; without it there are no buttons"
    )
    button_token: Token | None = Field(default=None, repr=False)

    @model_validator(mode="after")
    def _is_on_its_server(self) -> Self:
        if urlsplit(self.url).netloc.lower() != self.host:
            raise ValueError("url is not on host")
        return self


class DiscordFollowup(Strict):
    """The follow-up of a Discord command, for a quarter of an hour."""

    kind: Literal["discord_followup"]
    application: Annotated[str, StringConstraints(pattern="^[0-9]{1,25}$")]
    token: Annotated[str, StringConstraints(pattern="^[A-Za-z0-9._-]{1,1000}$")] = Field(repr=False)


class Telegram(Strict):
    """A chat with a bot of Telegram."""

    kind: Literal["telegram"]
    credential: CredentialName = Field(
        description="an api_token: https://api.telegram.org, the bot's token"
    )
    chat: int
    message: int | None = Field(default=None, description="the one that is answered")


ChatReply = SlackResponseUrl | SlackThread | MattermostResponseUrl | DiscordFollowup | Telegram


def _tag(value: Any) -> str:
    tag = tag_of_kind(value)
    return f"{SHAPE}target" if tag.removeprefix(SHAPE) in TARGETS else tag


Reply = Annotated[
    Annotated[Target, Tag(f"{SHAPE}target")]
    | Annotated[SlackResponseUrl, Tag(f"{SHAPE}slack_response_url")]
    | Annotated[SlackThread, Tag(f"{SHAPE}slack_thread")]
    | Annotated[MattermostResponseUrl, Tag(f"{SHAPE}mattermost_response_url")]
    | Annotated[DiscordFollowup, Tag(f"{SHAPE}discord_followup")]
    | Annotated[Telegram, Tag(f"{SHAPE}telegram")],
    Discriminator(_tag),
]
_ADAPTER: TypeAdapter[Any] = TypeAdapter(Reply)


def read(kept: dict[str, Any]) -> Any:
    """Make a Reply of what was sealed, or is about to be. Raise ReplyRefused."""
    try:
        return _ADAPTER.validate_python(kept)
    except ValidationError:  # whose text has the value
        raise ReplyRefused from None
