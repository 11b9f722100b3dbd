"""Reruns: repeat a run as it was, or as its template is now."""

from http import HTTPStatus

from flask import Response

from app.api.run_answers import RunAnswer
from app.api.run_requests import RerunBody, TriggerHeaders, WaitQuery
from app.api.runs import conflict, find_run
from app.api.triggers import queue_run
from app.auditing import Action
from app.auth import caller
from app.operations import Operation
from app.repeating import again
from app.rights import Right
from app.services import Services
from runner.rerun import NothingToRepeat
from runner.run import Run
from runner.store.connection import Connection
from runner.vault import SecretsUnreadable
from runner.wanted import Wanted


def rerun_run(
    services: Services, run_id: int, query: WaitQuery, headers: TriggerHeaders, body: RerunBody
) -> Response:
    """Repeat a final run as a new one.

    With its variables, secret ones too, and its options; `same` also with its template and its
    commits as they were, whatever became of branches since. 409 while the run is not final, when
    `newest` finds no template any more, when `failed` finds no hosts or does not know them, and
    when its concurrency group is busy and says `reject`. 422 when a credential that it would use is
    gone or does not fit any more.
    """

    def want(conn: Connection) -> Wanted:
        run = find_final_run(conn, run_id)
        try:
            return again(services.vault, conn, run, body, by=caller().name)
        except (NothingToRepeat, SecretsUnreadable) as error:
            raise conflict(run, str(error)) from None

    return queue_run(
        services,
        want,
        Action.RERUN,
        ["rerun", run_id],
        body,
        key=headers.key,
        wait=query.wait,
    )


def find_final_run(conn: Connection, run_id: int) -> Run:
    """The run with this id. Raise a 404 problem, or a 409 problem while it is not final."""
    run = find_run(conn, run_id)
    if not run.is_final:
        raise conflict(run, f"run {run_id} is {run.state}: wait for its end, or stop it")
    return run


OPERATIONS = (
    Operation(
        method="POST",
        path="/runs/<run_id>/rerun",
        view=rerun_run,
        right=Right.RUN,
        query=WaitQuery,
        headers=TriggerHeaders,
        body=RerunBody,
        answers={HTTPStatus.ACCEPTED: RunAnswer, HTTPStatus.OK: RunAnswer},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
)
