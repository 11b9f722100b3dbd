"""A run's output: as bytes from an offset, or followed as server-sent events."""

from collections.abc import Iterator
from http import HTTPStatus

from flask import Response, request

from app.api.following import STREAM, Place, followed
from app.api.output_requests import OutputHeaders, OutputQuery
from app.api.runs import find_run_with_output
from app.operations import Operation
from app.services import Services
from runner.run import Run
from runner.store import output
from runner.store.connection import Connection

PAGE = 256 * 1024  # bytes of output that a request holds in memory
TEXT = "text/plain; charset=utf-8"


def show_output(
    services: Services, run_id: int, query: OutputQuery, headers: OutputHeaders
) -> Response:
    """Show a run's output from an offset, or follow it.

    With `Accept: text/event-stream` it follows: `output` events with {"text"}, whose ids are the
    offset behind them, and an `end` event with the final run. With `?events=true` also what
    `/events` tells of the playbook (play, task, result, warning, …) as events of these names, and
    `state` with the run whenever that has changed.
    """
    with services.connection() as conn:
        run = find_run_with_output(conn, run_id)
        offset = _offset(conn, run, query)
    if request.accept_mimetypes.best_match(["text/plain", STREAM]) == STREAM:
        return followed(services, run, _place(query, headers, offset))
    return Response(
        _pages(services, run, offset),
        content_type=TEXT,
        headers={
            "Content-Length": str(max(run.output_bytes - offset, 0)),
            "Curtain-Offset-Start": str(offset),
            "Curtain-Offset-End": str(run.output_bytes),
            "Curtain-Run-State": run.state,
        },
    )


def _offset(conn: Connection, run: Run, query: OutputQuery) -> int:
    """The first byte wanted."""
    if query.since is None:
        return query.offset
    since = output.offset_since(conn, run.id, query.since)
    return max(query.offset, run.output_bytes if since is None else since)


def _place(query: OutputQuery, headers: OutputHeaders, first: int) -> Place:
    """Where to go on: an id is an offset and, where events were followed, the last of those."""
    offset, _, event = (headers.last_event_id or str(first)).partition(".")
    return Place(int(offset), int(event or query.after) if query.events else None)


def _pages(services: Services, run: Run, offset: int) -> Iterator[bytes]:
    """Read what was there when the request came; no connection is held between two pages."""
    while offset < run.output_bytes:
        with services.connection() as conn:
            part = output.read(conn, run.id, offset, min(PAGE, run.output_bytes - offset))
        if not part.bytes:
            return
        yield part.bytes
        offset = part.end


OPERATIONS = (
    Operation(
        method="GET",
        path="/runs/<run_id>/output",
        view=show_output,
        query=OutputQuery,
        headers=OutputHeaders,
        answers={HTTPStatus.OK: None},
        media_types=(TEXT, STREAM),
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.GONE),
    ),
)
