"""What happened to a run, and who made it happen; and what its playbook has told of itself."""

from http import HTTPStatus

from flask import Response, request

from app.api.event_answers import EventPage, shown
from app.api.event_requests import EventsHeaders, EventsQuery
from app.api.following import STREAM, Place, followed
from app.api.pages import cut
from app.api.runs import find_run
from app.operations import JSON, Operation, answer
from app.services import Services
from runner.store import feed


def list_events(
    services: Services, run_id: int, query: EventsQuery, headers: EventsHeaders
) -> Response:
    """List what happened to a run, the oldest first; its moves, unless other kinds are asked for.

    With `Accept: text/event-stream` it is followed: whatever the playbook tells (play, task,
    result, warning, …) as events of these names, `state` with the run whenever that has changed,
    and `end` with the final run.
    """
    with services.connection() as conn:
        run = find_run(conn, run_id)
        if request.accept_mimetypes.best_match([JSON, STREAM]) == STREAM:
            rows = None
        else:
            rows = feed.page(
                conn, run_id, kinds=query.kind, after=query.after, limit=query.limit + 1
            )
            dropped = feed.dropped(conn, run_id)
    if rows is None:
        last = headers.last_event_id
        return followed(services, run, Place(None, query.after if last is None else last))
    page, following = cut(rows, query.limit, "after", lambda row: row.id)
    events = [shown(event) for event in page]
    return answer(EventPage.model_construct(events=events, dropped=dropped, next=following))


OPERATIONS = (
    Operation(
        method="GET",
        path="/runs/<run_id>/events",
        view=list_events,
        query=EventsQuery,
        headers=EventsHeaders,
        answers={HTTPStatus.OK: EventPage},
        media_types=(STREAM,),
        problems=(HTTPStatus.NOT_FOUND,),
    ),
)
