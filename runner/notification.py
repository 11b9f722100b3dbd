"""Who shall be told of what of a run: the entries of a template's `notifications`. Pure."""

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from runner.strict import SHAPE, Strict, tag_of_kind
from runner.words import Address, CredentialName, ForgeRepository, StatusContext

#: The kinds of a run's events that can be told of.
OCCASIONS = (
    "started",
    "succeeded",
    "failed",
    "stopped",
    "timed_out",
    "interrupted",
    "lost",
    "stuck",
    "approval",
    "ends_soon",
    "slow",
)
Occasion = Literal[
    "started",
    "succeeded",
    "failed",
    "stopped",
    "timed_out",
    "interrupted",
    "lost",
    "stuck",
    "approval",
    "ends_soon",
    "slow",
    "always",
]
Forge = Literal["github", "gitlab", "gitea"]
Messenger = Literal["slack", "mattermost", "rocketchat", "discord", "teams", "google_chat"]


class Callback(Strict):
    """A signed POST to a program, as Standard Webhooks has it."""

    kind: Literal["callback"]
    credential: CredentialName = Field(description="a webhook with a secret")


class CommitStatus(Strict):
    """The status of the run's commit on its forge."""

    kind: Literal["commit_status"]
    forge: Forge
    credential: CredentialName = Field(description="an api_token of the forge")
    repository: ForgeRepository = Field(description="owner/name; on GitLab a/b/name, too")
    context: StatusContext | None = Field(
        default=None, description="what tells it from other statuses; null: curtain/TEMPLATE"
    )

    @model_validator(mode="after")
    def _has_one_owner(self) -> Self:
        if self.forge != "gitlab" and self.repository.count("/") != 1:
            raise ValueError("repository must be owner/name")
        return self


class IncomingWebhook(Strict):
    """A message in a chat, by an incoming webhook of it."""

    kind: Messenger
    credential: CredentialName = Field(description="a webhook with the URL that the chat gave")


class Email(Strict):
    """A mail, by the server of CURTAIN_SMTP_URL."""

    kind: Literal["email"]
    to: list[Address] = Field(min_length=1, max_length=20)


#: The targets by kind.
TARGETS: dict[str, type[Callback | CommitStatus | IncomingWebhook | Email]] = {
    "callback": Callback,
    "commit_status": CommitStatus,
    **dict.fromkeys(("slack", "mattermost", "rocketchat"), IncomingWebhook),
    **dict.fromkeys(("discord", "teams", "google_chat"), IncomingWebhook),
    "email": Email,
}

MESSENGER_TAG = f"{SHAPE}messenger"


def _tag(value: object) -> str:
    tag = tag_of_kind(value)
    is_messenger = TARGETS.get(tag.removeprefix(SHAPE)) is IncomingWebhook
    return MESSENGER_TAG if is_messenger else tag


Target = Annotated[
    Annotated[Callback, Tag(f"{SHAPE}callback")]
    | Annotated[CommitStatus, Tag(f"{SHAPE}commit_status")]
    | Annotated[IncomingWebhook, Tag(MESSENGER_TAG)]
    | Annotated[Email, Tag(f"{SHAPE}email")],
    Discriminator(
        _tag,
        custom_error_type="unknown_kind",
        custom_error_message=f"must have a kind: {', '.join(TARGETS)}",
    ),
]


def _each_once(on: list[Occasion]) -> list[Occasion]:
    if len(set(on)) < len(on):
        raise ValueError("must name each once")
    return on


class Notification(Strict):
    """Whom to tell, and of what."""

    on: Annotated[list[Occasion], Field(min_length=1), AfterValidator(_each_once)] = Field(
        description="always: all of the others"
    )
    to: Target
