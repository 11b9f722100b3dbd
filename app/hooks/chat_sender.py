"""What a file of one chat must have. All of it is pure, as in app.hooks.sender."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.hooks.body import Content
from app.hooks.incoming import Incoming, Keys
from app.hooks.sender import Handshake


@dataclass(frozen=True, kw_only=True)
class Command:
    """What somebody has typed, or the button that was pressed."""

    #: Without the bot's own name: run deploy version=1.2
    text: str
    #: Ids that the chat never gives to another; names change hands.
    user: str
    workspace: str | None = None
    channel: str | None = None
    #: What people call the user; shown, and never believed.
    user_name: str = ""
    #: The same when the chat sends it again; empty when it has none.
    delivery: str = ""
    #: Whether it comes from a button of ours.
    is_button: bool = False
    #: Where the run's progress and end are told, as runner.notification has it; a secret. None: the
    #: chat takes only the answer to the request itself.
    reply: dict[str, Any] | None = None
    #: Whether the chat shows nothing of the answer to the request, as Slack of its buttons and
    #: events: the answer too goes to *reply*, and the request is answered with nothing.
    is_answered_at_reply: bool = False


@dataclass(frozen=True, kw_only=True)
class Silence:
    """Nothing was said to us: a bot's message, an edit, somebody who has joined."""

    why: str


@dataclass(frozen=True, kw_only=True)
class Button:
    """Something to press; it says *words* as if they were typed."""

    label: str
    words: str
    is_dangerous: bool = False


@dataclass(frozen=True, kw_only=True)
class Say:
    """The answer to a command. Plain text, in which nothing mentions anybody or is markup."""

    text: str
    #: Whether only the one who asked shall see it, where the chat can do that.
    is_private: bool = True
    buttons: tuple[Button, ...] = ()


class ChatSender(Protocol):
    """A chat: a module of app.hooks."""

    @property
    def MEDIA_TYPES(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """What its bodies may say they are; others are 415."""

    @property
    def LIMIT(self) -> int:  # noqa: N802 - a constant of the module
        """Bytes that a body may have; larger ones are 413."""

    def verify(self, incoming: Incoming, keys: Keys, now: float) -> None:
        """Raise Denied unless the chat knows a secret. *now* is seconds since 1970."""

    def read(self, incoming: Incoming) -> Content:
        """Read the content. Raise Unreadable."""

    def command(self, content: Content, keys: Keys) -> Command | Handshake | Silence:
        """Tell what was said. Raise Unreadable."""

    def answer(self, say: Say, content: Content, keys: Keys) -> Mapping[str, Any] | str:
        """Write the answer to *content*: JSON, or plain text where it is a str."""
