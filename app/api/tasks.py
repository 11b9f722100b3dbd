"""The tasks of a run, and what came of them."""

from http import HTTPStatus

from flask import Response

from app.api.event_answers import CellAnswer, ResultPage, TaskAnswer, TaskPage
from app.api.pages import cut
from app.api.requests import ResultsQuery, TasksQuery
from app.api.runs import find_run
from app.operations import Operation, answer
from app.services import Services
from runner.store import feed, results, tasks


def list_tasks(services: Services, run_id: int, query: TasksQuery) -> Response:
    """List a run's tasks: in their order, or the slowest first."""
    with services.connection() as conn:
        find_run(conn, run_id)
        rows = tasks.page(conn, run_id, order=query.order, after=query.after, limit=query.limit + 1)
    page, following = cut(rows, query.limit, "after", lambda row: row.number)
    return answer(TaskPage(tasks=[TaskAnswer.of(each) for each in page], next=following))


def list_results(services: Services, run_id: int, query: ResultsQuery) -> Response:
    """List what came of tasks on hosts, in short and in their order: for a table of both."""
    with services.connection() as conn:
        find_run(conn, run_id)
        rows = results.page(
            conn,
            run_id,
            after=query.after,
            limit=query.limit + 1,
            task=query.task,
            host=query.host,
            statuses=query.status,
            with_diff=False,
        )
        dropped = feed.dropped(conn, run_id)
    page, following = cut(rows, query.limit, "after", lambda row: row.id)
    cells = [CellAnswer.of(each) for each in page]
    return answer(ResultPage.model_construct(results=cells, dropped=dropped, next=following))


OPERATIONS = (
    Operation(
        method="GET",
        path="/runs/<run_id>/tasks",
        view=list_tasks,
        query=TasksQuery,
        answers={HTTPStatus.OK: TaskPage},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="GET",
        path="/runs/<run_id>/results",
        view=list_results,
        query=ResultsQuery,
        answers={HTTPStatus.OK: ResultPage},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
)
