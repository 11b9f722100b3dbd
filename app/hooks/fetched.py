"""The senders that sign with keys of their own, and where these are."""

from collections.abc import Callable, Mapping
from typing import Final

from app.hooks import aws_sns, google_chat
from app.hooks.incoming import Incoming, Keys

#: Each raises Denied unless the address is one where only the sender can put something.
FETCHED_FROM: Final[Mapping[str, Callable[[Incoming, Keys], str]]] = {
    "aws_sns": aws_sns.fetched_from,
    "google_chat": google_chat.fetched_from,
}
