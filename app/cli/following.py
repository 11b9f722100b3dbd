"""A run's output as it comes: byte for byte, over whatever happens to the connection."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from app.cli.client import Client, foreign, is_passing
from app.cli.errors import Answered, Unreachable
from app.cli.told import read as read_told

STREAM = "text/event-stream"
SILENCE = 45.0  # seconds; the server says something every 15
FIRST_PAUSE = 0.2  # seconds before it is tried again, doubled each time
LONGEST_PAUSE = 2.0  # seconds
#: What a decoder writes for bytes that are no UTF-8.
REPLACED = "\ufffd"


@dataclass(frozen=True)
class Piece:
    """Bytes of the output."""

    offset: int
    bytes: bytes


@dataclass(frozen=True)
class Happened:
    """What Ansible has told (a play, a task, a result, a warning, …), or the run's new state."""

    kind: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """The final run; every byte came before."""

    run: dict[str, Any]


@dataclass(frozen=True)
class Lost:
    """The connection is lost, and it is tried again."""

    why: str


@dataclass(frozen=True)
class Back:
    """The connection is there again; nothing was missed."""


Seen = Piece | Happened | Ended | Lost | Back


class Following:
    """Follows one run from an offset to its end."""

    def __init__(
        self,
        client: Client,
        run_id: int,
        offset: int = 0,
        *,
        patience: float,
        with_events: bool = False,
    ) -> None:
        """Connect to nothing yet. *patience*: seconds without the server until it is given up."""
        self.offset = offset
        self._client = client
        self._path = f"/runs/{run_id}/output"
        self._patience = patience
        self._with_events = with_events
        self._last_id = ""
        self._lost_at: float | None = None

    def seen(self) -> Iterator[Seen]:
        """Tell what happens until the run is final. Raise Answered or Unreachable."""
        pause = FIRST_PAUSE
        while True:
            try:
                for each in self._connected():
                    pause = FIRST_PAUSE
                    yield each
                    if isinstance(each, Ended):
                        return
                why: Exception = Unreachable("the server has closed the connection")
            except (Answered, Unreachable) as error:
                if not is_passing(error):
                    raise
                why = error
            yield from self._lost(why)
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _lost(self, why: Exception) -> Iterator[Seen]:
        now = time.monotonic()
        if self._lost_at is None:
            self._lost_at = now
            yield Lost(str(why))
        elif now - self._lost_at > self._patience:
            raise why

    def _connected(self) -> Iterator[Seen]:
        events = "&events=true" if self._with_events else ""
        headers = {"Accept": STREAM}
        if self._last_id:
            headers["Last-Event-ID"] = self._last_id
        path = f"{self._path}?offset={self.offset}{events}"
        with self._client.stream(path, SILENCE, **headers) as response:
            if not response.headers.get("content-type", "").startswith(STREAM):
                raise Unreachable(foreign(self._client.place.url, response))
            pieces = response.iter_bytes()
            first = next(pieces, b"")
            # A server says something at once: who only opens and closes is none that is back.
            if first and self._lost_at is not None:
                self._lost_at = None
                yield Back()
            for identity, name, content in events_of(chain([first], pieces)):
                yield from self._take(identity, name, content)

    def _take(self, identity: str, name: str, content: Any) -> Iterator[Seen]:
        match name:
            case "output":
                yield self._piece(content["text"], offset_of(identity))
            case "end":
                yield Ended(content)
            case _:
                yield Happened(name, content)
        # After it was taken: what is cut off in between comes again.
        self._last_id = identity or self._last_id

    def _piece(self, text: str, end: int) -> Piece:
        """The very bytes: the text is theirs unless some of them are no UTF-8."""
        piece = text.encode(errors="replace")
        if REPLACED in text or len(piece) != end - self.offset:
            piece = self._read(self.offset, end)
        start, self.offset = self.offset, end
        return Piece(start, piece)

    def _read(self, start: int, end: int) -> bytes:
        return b"".join(read(self._client, self._path, start, end))


def read(client: Client, path: str, start: int, end: int) -> Iterator[bytes]:
    """Read output as it is, from *start* up to *end*. Raise Unreachable if it breaks off."""
    with client.stream(f"{path}?offset={start}", SILENCE, Accept="text/plain") as response:
        for part in response.iter_bytes():
            part = part[: end - start]
            start += len(part)
            yield part
            if start >= end:
                return
    raise Unreachable("the server has sent less than it has", is_passing=True)


def offset_of(identity: str) -> int:
    """The offset behind an event's output, which its id begins with."""
    offset = identity.partition(".")[0]
    if not offset.isdecimal():
        raise Unreachable("what answers is not Curtain: its output is at no offset")
    return int(offset)


def events_of(pieces: Iterable[bytes]) -> Iterator[tuple[str, str, Any]]:
    """Read server-sent events: id, name and JSON of each that has come as a whole."""
    told: dict[str, str] = {}
    rest = b""
    # By line feeds alone: httpx' own lines end at U+2028 too, which JSON may hold.
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            name, _, value = line.decode(errors="replace").rstrip("\r").partition(":")
            if name:
                told[name] = value.removeprefix(" ")
            elif line in (b"", b"\r"):
                if "data" in told and "event" in told:
                    yield told.get("id", ""), told["event"], read_told(told["data"])
                told = {}
