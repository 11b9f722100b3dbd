"""Runs: trigger one, list them, show one."""

from http import HTTPStatus

from flask import Response

from app.api.pages import cut
from app.api.run_answers import OneRunAnswer, RunAnswer, RunPage
from app.api.run_requests import RunsQuery, TriggerBody, TriggerHeaders, WaitQuery
from app.api.seeing import templates_of_seen_runs
from app.api.templates import find_template
from app.api.triggers import queue_run
from app.auditing import Action
from app.auth import caller
from app.operations import Operation, answer
from app.problems import Problem
from app.rights import Right
from app.services import Services
from runner.acceptance import check
from runner.run import Run, Trigger
from runner.store import lists, runs
from runner.store.connection import Connection
from runner.template import restored
from runner.wanted import Wanted
from runner.why import why_waiting


def find_run(conn: Connection, run_id: int) -> Run:
    """The run with this id. Raise a 404 problem."""
    run = runs.find(conn, run_id)
    if run is None or not caller().sees(run.template):
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no run {run_id}")
    return run


def find_run_with_output(conn: Connection, run_id: int) -> Run:
    """The run with this id. Raise a 404 problem; a 410 when its output is not kept any more."""
    run = find_run(conn, run_id)
    if run.output_kept == "gone":
        raise _gone(run, "output")
    return run


def find_run_with_events(conn: Connection, run_id: int) -> Run:
    """The run with this id. Raise a 404 problem; a 410 when its events are not kept any more."""
    run = find_run(conn, run_id)
    if not run.events_kept:
        raise _gone(run, "record of tasks and results")
    return run


def _gone(run: Run, what: str) -> Problem:
    return Problem(
        HTTPStatus.GONE, f"the {what} of run {run.id} is gone: it is kept for a while only"
    )


def trigger_run(
    services: Services, name: str, query: WaitQuery, headers: TriggerHeaders, body: TriggerBody
) -> Response:
    """Queue a run of a template.

    What the template does not accept is refused with 422, never ignored. 409 when its concurrency
    group is busy and says `reject`; `runs` of the problem are those that are in it. With an
    Idempotency-Key a repeated request gives the run of the first one.
    """

    def want(conn: Connection) -> Wanted:
        spec = find_template(conn, name).spec
        given = check(restored(spec), body.vars, body.overrides())
        return Wanted(
            template=name,
            spec=spec,
            accepted=given.values,
            secrets=services.vault.seal(given.secrets),
            overrides=given.overrides,
            trigger=Trigger.API,
            by=caller().name,
            reason=body.reason,
        )

    return queue_run(services, want, Action.TRIGGER, [name], body, key=headers.key, wait=query.wait)


def conflict(run: Run, detail: str) -> Problem:
    """409, with the run as it is."""
    shown = RunAnswer.of(run).model_dump(mode="json")
    return Problem(HTTPStatus.CONFLICT, detail, run=shown)


def page_of(conn: Connection, query: RunsQuery, rows: int) -> list[Run]:
    """The newest runs that *query* asks for and the caller sees; one more than *rows*, if any."""
    return lists.page(
        conn,
        limit=rows + 1,
        before=query.before,
        states=query.state,
        template=query.template,
        among=templates_of_seen_runs(conn),
        trigger=query.trigger,
        rerun_of=query.rerun_of,
        since=query.since,
        until=query.until,
    )


def list_runs(services: Services, query: RunsQuery) -> Response:
    """List runs, the newest first."""
    with services.connection() as conn:
        rows = page_of(conn, query, query.limit)
    shown, following = cut(rows, query.limit, "before", lambda row: row.id)
    return answer(
        RunPage(
            runs=[RunAnswer.of(run) for run in shown],
            next=following,
        )
    )


def show_run(services: Services, run_id: int) -> Response:
    """Show a run, and of a queued one what it waits for."""
    with services.connection() as conn:
        run = find_run(conn, run_id)
        return answer(OneRunAnswer.with_why(run, why_waiting(conn, run)))


OPERATIONS = (
    Operation(
        method="POST",
        path="/templates/<name>/runs",
        view=trigger_run,
        right=Right.RUN,
        query=WaitQuery,
        headers=TriggerHeaders,
        body=TriggerBody,
        answers={HTTPStatus.ACCEPTED: RunAnswer, HTTPStatus.OK: RunAnswer},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
    Operation(
        method="GET",
        path="/runs",
        view=list_runs,
        query=RunsQuery,
        answers={HTTPStatus.OK: RunPage},
    ),
    Operation(
        method="GET",
        path="/runs/<run_id>",
        view=show_run,
        answers={HTTPStatus.OK: OneRunAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
)
