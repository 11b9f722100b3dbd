"""What happened to a run, and who made it happen."""

from http import HTTPStatus

from flask import Response

from app.api.answers import EventAnswer, EventPage
from app.api.pages import cut
from app.api.requests import EventsQuery
from app.api.runs import find_run
from app.operations import Operation, answer
from app.services import Services
from runner.store import events


def list_events(services: Services, run_id: int, query: EventsQuery) -> Response:
    """List a run's moves, the oldest first."""
    with services.connection() as conn:
        find_run(conn, run_id)
        rows = events.page(conn, run_id, after=query.after, limit=query.limit + 1)
    shown, following = cut(rows, query.limit, "after", lambda row: row.id)
    return answer(
        EventPage(
            events=[EventAnswer.of(event) for event in shown],
            next=following,
        )
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/runs/<run_id>/events",
        view=list_events,
        query=EventsQuery,
        answers={HTTPStatus.OK: EventPage},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
)
