"""The tasks of a run, and what came of them."""

from http import HTTPStatus

from flask import Response
from pydantic_core import to_json

from app.api.event_answers import ResultPage, TaskAnswer, TaskPage
from app.api.event_requests import ResultsQuery, TasksQuery
from app.api.pages import cut
from app.api.runs import find_run_with_events
from app.operations import JSON, Operation, answer
from app.services import Services
from runner.store import feed, results, tasks


def list_tasks(services: Services, run_id: int, query: TasksQuery) -> Response:
    """List a run's tasks: in their order, or the slowest first."""
    with services.connection() as conn:
        find_run_with_events(conn, run_id)
        rows = tasks.page(conn, run_id, order=query.order, after=query.after, limit=query.limit + 1)
    page, following = cut(rows, query.limit, "after", lambda row: row.number)
    return answer(TaskPage(tasks=[TaskAnswer.of(each) for each in page], next=following))


def list_results(services: Services, run_id: int, query: ResultsQuery) -> Response:
    """List what came of tasks on hosts, in short and in their order: for a table of both."""
    with services.connection() as conn:
        find_run_with_events(conn, run_id)
        rows = results.cells(
            conn,
            run_id,
            after=query.after,
            limit=query.limit + 1,
            task=query.task,
            host=query.host,
            statuses=query.status,
        )
        dropped = feed.dropped(conn, run_id)
    page, following = cut(rows, query.limit, "after", lambda row: row.id)
    # As ResultPage has it. To make 5,000 models of it took three times as long as all the rest.
    cells = ",".join(cell.json for cell in page)
    rest = to_json({"dropped": dropped, "next": following}).decode()
    return Response(f'{{"results":[{cells}],{rest[1:]}', content_type=JSON)


OPERATIONS = (
    Operation(
        method="GET",
        path="/runs/<run_id>/tasks",
        view=list_tasks,
        query=TasksQuery,
        answers={HTTPStatus.OK: TaskPage},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.GONE),
    ),
    Operation(
        method="GET",
        path="/runs/<run_id>/results",
        view=list_results,
        query=ResultsQuery,
        answers={HTTPStatus.OK: ResultPage},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.GONE),
    ),
)
