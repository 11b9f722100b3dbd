"""What goes to a target, what it answers, and what builders may say instead."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

from runner.errors import RunnerError


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    #: Its beginning.
    body: bytes = b""
    #: The header, if there was one.
    retry_after: str | None = None

    def json(self) -> Any:
        """What the body says as JSON; None if that is not what it is."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


#: Tells of an answer whether the message was taken; False: it may be later; in words: why it never
#: will be; None: as its status says.
Reading = Callable[[Answer], bool | str | None]


def by_status(_: Answer) -> None:
    """Let the status speak."""


@dataclass(frozen=True)
class Request:
    """An HTTP request; all of it may be secret."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    method: str = "POST"
    reading: Reading = by_status


@dataclass(frozen=True)
class Mail:
    """An e-mail, to be handed to the server of the settings."""

    message: EmailMessage = field(repr=False)


Message = Request | Mail


def post_json(
    url: str,
    body: Any,
    headers: Mapping[str, str] | None = None,
    reading: Reading = by_status,
) -> Request:
    """A POST of JSON."""
    return Request(
        url,
        json.dumps(body).encode(),
        {"Content-Type": "application/json", "User-Agent": "curtain", **(headers or {})},
        reading=reading,
    )


class Skipped(RunnerError):
    """There is nothing to be told to this target."""


class NotYet(RunnerError):
    """There will be something to be told in a moment."""


class Undeliverable(RunnerError):
    """It can never be told to this target as things are."""
