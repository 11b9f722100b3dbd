"""A run's output: as bytes from an offset, or followed as server-sent events."""

import codecs
import json
import logging
import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import NamedTuple

from flask import Response, request

from app.api.requests import OutputHeaders, OutputQuery
from app.api.run_answers import RunAnswer
from app.api.runs import find_run
from app.operations import Operation
from app.services import Services
from runner.run import Run
from runner.store import output, runs
from runner.store.connection import AWAY

log = logging.getLogger(__name__)

PAGE = 256 * 1024  # bytes of output that a request holds in memory
EVENT = 64 * 1024  # bytes of output in one event
HEARTBEAT = 15.0  # seconds; Heroku's router cuts what is silent for 55
RETRY = 1000  # milliseconds until an EventSource reconnects
TEXT = "text/plain; charset=utf-8"
EVENTS = "text/event-stream"


def show_output(
    services: Services, run_id: int, query: OutputQuery, headers: OutputHeaders
) -> Response:
    """Show a run's output from an offset, or follow it.

    With `Accept: text/event-stream` it follows: `output` events with {"text"}, whose ids are the
    offset behind them, and an `end` event with the final run.
    """
    with services.connection() as conn:
        run = find_run(conn, run_id)
    if request.accept_mimetypes.best_match(["text/plain", EVENTS]) == EVENTS:
        last = headers.last_event_id
        return _followed(services, run, query.offset if last is None else last)
    return Response(
        _pages(services, run, query.offset),
        content_type=TEXT,
        headers={
            "Content-Length": str(max(run.output_bytes - query.offset, 0)),
            "Curtain-Offset-End": str(run.output_bytes),
            "Curtain-Run-State": run.state,
        },
    )


def _pages(services: Services, run: Run, offset: int) -> Iterator[bytes]:
    """Read what was there when the request came; no connection is held between two pages."""
    while offset < run.output_bytes:
        with services.connection() as conn:
            part = output.read(conn, run.id, offset, min(PAGE, run.output_bytes - offset))
        if not part.bytes:
            return
        yield part.bytes
        offset = part.end


def _followed(services: Services, run: Run, offset: int) -> Response:
    """Follow it. Raise a 503 problem when too many follow already."""
    services.followers.enter()
    response = Response(
        follow(services, run.id, offset),
        content_type=EVENTS,
        headers={"X-Accel-Buffering": "no"},  # nginx would hold events back
    )
    response.call_on_close(services.followers.leave)
    return response


class Seen(NamedTuple):
    """A run, and a part of its output that was read after it."""

    run: Run
    part: output.Slice


def follow(services: Services, run_id: int, offset: int) -> Iterator[str]:
    """Write events until the run is final and its last byte is sent, or this process ends."""
    transcript = Transcript(offset)
    spoke_at = time.monotonic()
    yield f"retry: {RETRY}\n\n"
    for _ in services.followers.wakes(run_id):
        seen = _look(services, run_id, transcript.offset)
        while seen and seen.part.bytes and not services.followers.is_over():
            spoke_at = time.monotonic()
            yield from transcript.add(seen.part.bytes)
            seen = _look(services, run_id, transcript.offset)
        if seen and seen.run.is_final and not seen.part.bytes:
            yield from transcript.finish()
            yield _event("end", RunAnswer.of(seen.run).model_dump_json())
            return
        if time.monotonic() - spoke_at >= HEARTBEAT:
            spoke_at = time.monotonic()
            yield ": still there\n\n"


def _look(services: Services, run_id: int, offset: int) -> Seen | None:
    """Read the run, then its output: if the run is final, no byte comes after that.

    None while Postgres is away: a follower waits for it.
    """
    try:
        with services.connection() as conn:
            run = runs.find(conn, run_id)
            if run is None:
                return None
            return Seen(run, output.read(conn, run_id, offset, EVENT))
    except AWAY as error:
        log.warning("run %d: Postgres is away for a follower: %s", run_id, error)
        return None


class Transcript:
    """Turns bytes into events of whole characters."""

    def __init__(self, offset: int) -> None:
        """Begin at *offset*."""
        #: Where the next byte is to be read.
        self.offset = offset
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, chunk: bytes) -> Iterator[str]:
        """Write an event; half a character at the end waits for its other half."""
        self.offset += len(chunk)
        return self._write(self._decoder.decode(chunk))

    def finish(self) -> Iterator[str]:
        """Write what is left of a character that was never finished."""
        return self._write(self._decoder.decode(b"", final=True))

    def _write(self, text: str) -> Iterator[str]:
        pending = len(self._decoder.getstate()[0])
        if text:
            yield _event("output", json.dumps({"text": text}), self.offset - pending)


def _event(name: str, line: str, offset: int | None = None) -> str:
    identity = "" if offset is None else f"id: {offset}\n"
    return f"{identity}event: {name}\ndata: {line}\n\n"


OPERATIONS = (
    Operation(
        method="GET",
        path="/runs/<run_id>/output",
        view=show_output,
        query=OutputQuery,
        headers=OutputHeaders,
        answers={HTTPStatus.OK: None},
        media_types=(TEXT, EVENTS),
        problems=(HTTPStatus.NOT_FOUND,),
    ),
)
