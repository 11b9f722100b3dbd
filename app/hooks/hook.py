"""What a hook is, of whatever sender."""

from typing import Annotated, Any, Final, get_args

from pydantic import Discriminator, Tag

from app.hooks.people import ChatHook, ChatName
from app.hooks.triggering import (
    AzureHook,
    GenericHook,
    GitHook,
    GitSender,
    SnsHook,
    StandardHook,
)
from runner.strict import SHAPE


def _shape(value: Any) -> str | None:
    name = value.get("sender") if isinstance(value, dict) else getattr(value, "sender", None)
    if not isinstance(name, str):
        return None
    if name in GIT:
        return f"{SHAPE}git"
    if name in CHATS:
        return f"{SHAPE}chat"
    return f"{SHAPE}{name}" if name in OTHERS else None


GIT: Final = get_args(GitSender)
CHATS: Final = get_args(ChatName)
OTHERS: Final = frozenset({"azure_devops", "generic_hmac", "standard_webhooks", "aws_sns"})

Hook = Annotated[
    Annotated[GitHook, Tag(f"{SHAPE}git")]
    | Annotated[AzureHook, Tag(f"{SHAPE}azure_devops")]
    | Annotated[GenericHook, Tag(f"{SHAPE}generic_hmac")]
    | Annotated[StandardHook, Tag(f"{SHAPE}standard_webhooks")]
    | Annotated[SnsHook, Tag(f"{SHAPE}aws_sns")]
    | Annotated[ChatHook, Tag(f"{SHAPE}chat")],
    Discriminator(
        _shape,
        custom_error_type="unknown_sender",
        custom_error_message="must be one of " + ", ".join(sorted([*GIT, *CHATS, *OTHERS])),
    ),
]
