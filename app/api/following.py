"""A run that is followed as server-sent events: its output, what its playbook tells, its states."""

import codecs
import json
import logging
import time
from collections.abc import Iterator
from typing import NamedTuple

from flask import Response

from app.api.event_answers import shown
from app.api.run_answers import RunAnswer
from app.services import Services
from runner.run import Run
from runner.store import feed, output, runs
from runner.store.connection import AWAY
from runner.store.feed import TOLD

log = logging.getLogger(__name__)

EVENT = 64 * 1024  # bytes of output in one event
EVENTS = 500  # that are read at once
HEARTBEAT = 15.0  # seconds; Heroku's router cuts what is silent for 55
RETRY = 1000  # milliseconds until an EventSource reconnects
STREAM = "text/event-stream"


class Place(NamedTuple):
    """Up to where somebody has followed."""

    #: The next byte of the output; None follows none of it.
    offset: int | None
    #: The last event; None follows none.
    event: int | None

    def identity(self) -> str:
        """What Last-Event-ID brings back."""
        return ".".join(str(part) for part in self if part is not None)


class Seen(NamedTuple):
    """A run, and what was read after it: if it is final, nothing comes after that."""

    run: Run
    output: bytes
    #: Events as they are sent, with their ids.
    events: list[tuple[int, str, str]]


def followed(services: Services, run: Run, place: Place) -> Response:
    """Follow a run from *place*. Raise a 503 problem when too many follow already."""
    services.followers.enter()
    response = Response(
        follow(services, run.id, place.offset, place.event),
        content_type=STREAM,
        headers={"X-Accel-Buffering": "no"},  # nginx would hold events back
    )
    response.call_on_close(services.followers.leave)
    return response


def follow(
    services: Services, run_id: int, offset: int | None, after: int | None = None
) -> Iterator[str]:
    """Write events until the run is final and all of it is sent, or this process ends."""
    transcript = Transcript(Place(offset, after))
    spoke_at = time.monotonic()
    yield f"retry: {RETRY}\n\n"
    for _ in services.followers.wakes(run_id):
        seen = look(services, run_id, transcript.place)
        while seen and not services.followers.is_over():
            told = list(transcript.add(seen))
            if told:
                spoke_at = time.monotonic()
                yield from told
            if not (seen.output or seen.events):
                break
            seen = look(services, run_id, transcript.place)
        if seen and seen.run.is_final and not (seen.output or seen.events):
            yield from transcript.finish()
            yield sse("end", RunAnswer.of(seen.run).model_dump_json())
            return
        if time.monotonic() - spoke_at >= HEARTBEAT:
            spoke_at = time.monotonic()
            yield ": still there\n\n"


def look(services: Services, run_id: int, place: Place) -> Seen | None:
    """Read what is behind *place*, once for all who are there. None while Postgres is away."""
    moment = services.followers.moment(run_id)
    return services.looks.at((run_id, place, moment), lambda: _look(services, run_id, place))


def _look(services: Services, run_id: int, place: Place) -> Seen | None:
    try:
        with services.connection() as conn:
            run = runs.find(conn, run_id)
            if run is None:
                return None
            part, told = b"", []
            if place.offset is not None and run.output_bytes > place.offset:
                part = output.read(conn, run_id, place.offset, EVENT).bytes
            if place.event is not None:
                told = feed.page(conn, run_id, kinds=TOLD, after=place.event, limit=EVENTS)
    except AWAY as error:
        log.warning("run %d: Postgres is away for a follower: %s", run_id, error)
        return None
    answers = [shown(each) for each in told]
    return Seen(run, part, [(each.id, each.kind, each.model_dump_json()) for each in answers])


class Transcript:
    """Turns what is seen into events: whole characters, whole objects, states that are new."""

    def __init__(self, place: Place) -> None:
        """Begin at *place*."""
        #: What is to be read next.
        self.place = place
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._state: tuple[object, ...] = ()

    def add(self, seen: Seen) -> Iterator[str]:
        """Write events; half a character at the end waits for its other half."""
        if self.place.event is not None:
            yield from self._add_state(seen.run)
        if self.place.offset is not None and seen.output:
            self.place = self.place._replace(offset=self.place.offset + len(seen.output))
            yield from self._write(self._decoder.decode(seen.output))
        for event, kind, told in seen.events:
            self.place = self.place._replace(event=event)
            yield sse(kind, told, self._identity())

    def _add_state(self, run: Run) -> Iterator[str]:
        """Tell a state that is another than the one told last; of a final run `end` tells it."""
        asked = (run.stop_requested_at, run.force_requested_at)
        state = (run.state, run.phase, run.attempt, run.stale, *asked, len(run.survivors))
        if state != self._state and not run.is_final:
            self._state = state
            yield sse("state", RunAnswer.of(run).model_dump_json())

    def finish(self) -> Iterator[str]:
        """Write what is left of a character that was never finished."""
        return self._write(self._decoder.decode(b"", final=True))

    def _write(self, text: str) -> Iterator[str]:
        if text:
            yield sse("output", json.dumps({"text": text}), self._identity())

    def _identity(self) -> str:
        pending = len(self._decoder.getstate()[0])
        offset = self.place.offset
        return self.place._replace(offset=offset and offset - pending).identity()


def sse(name: str, line: str, identity: str | None = None) -> str:
    """Write one server-sent event."""
    begin = "" if identity is None else f"id: {identity}\n"
    return f"{begin}event: {name}\ndata: {line}\n\n"
