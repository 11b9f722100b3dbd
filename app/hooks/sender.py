"""What a file of one sender must have. All of it is pure: no clock, no network, no database."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.hooks.body import Content
from app.hooks.event import Event
from app.hooks.incoming import Incoming, Keys


@dataclass(frozen=True, kw_only=True)
class Handshake:
    """Nothing has happened: the sender wants to see that somebody is there."""

    #: What it wants to see; JSON, or plain text where it is a str.
    answer: dict[str, Any] | str
    #: For people who look at their deliveries.
    why: str


class EventSender(Protocol):
    """A Git host, or whoever else tells of what has happened: a module of app.hooks."""

    @property
    def MEDIA_TYPES(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """What its bodies may say they are; others are 415."""

    @property
    def LIMIT(self) -> int:  # noqa: N802 - a constant of the module
        """Bytes that a body may have; larger ones are 413."""

    @property
    def HEADERS(self) -> tuple[str, ...]:  # noqa: N802 - a constant of the module
        """The headers that `events` reads, in small letters; they are kept with the delivery."""

    def verify(self, incoming: Incoming, keys: Keys, now: float) -> None:
        """Raise Denied unless the sender knows a secret. *now* is seconds since 1970."""

    def read(self, incoming: Incoming) -> Content:
        """Read the content. Raise Unreadable."""

    def events(self, headers: Mapping[str, str], content: Content) -> list[Event] | Handshake:
        """Tell what has happened, one event a ref. Raise Unreadable.

        An event that Curtain knows nothing of has the sender's own name for it, and no ref.
        """
