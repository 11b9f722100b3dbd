"""Runs: trigger one, list them, show one."""

import json
from http import HTTPStatus

from flask import Response

from app.api.answers import RunAnswer, RunPage
from app.api.pages import cut, next_page
from app.api.requests import RunsQuery, TriggerBody, TriggerHeaders, WaitQuery
from app.api.templates import find_template
from app.api.waiting import accepted
from app.auth import ADMIN
from app.operations import Operation, answer
from app.problems import Problem, invalid
from app.services import Services
from jobs import runs as jobs
from runner.run import Run, RunState, Trigger, Wanted
from runner.store import runs
from runner.store.connection import Connection
from runner.template import Template, check


def find_run(conn: Connection, run_id: int) -> Run:
    """The run with this id. Raise a 404 problem."""
    run = runs.find(conn, run_id)
    if run is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no run {run_id}")
    return run


def trigger_run(
    services: Services, name: str, query: WaitQuery, headers: TriggerHeaders, body: TriggerBody
) -> Response:
    """Queue a run of a template.

    What the template does not accept is refused with 422, never ignored. With an Idempotency-Key
    a repeated request gives the run of the first one.
    """
    digests = _digests(services, name, body) if headers.key else []
    with services.connection() as conn:
        run = (
            _run_of_key(conn, headers.key, digests)
            or _trigger(services, conn, name, body, headers.key, digests)
            or _run_of_key(conn, headers.key, digests)
        )
    assert run is not None
    if run.state is RunState.QUEUED:
        jobs.enqueue(services.redis, run)
    return accepted(services, run, query.wait)


def _trigger(
    services: Services,
    conn: Connection,
    name: str,
    body: TriggerBody,
    key: str | None,
    digests: list[bytes],
) -> Run | None:
    """Make the run. None when another request with the same key was first."""
    spec = find_template(conn, name).spec
    values, secrets, overrides = check(Template.model_validate(spec), body.vars, body.overrides())
    wanted = Wanted(
        template=name,
        spec=spec,
        accepted=values,
        secrets=services.vault.seal(secrets),
        overrides=overrides,
        trigger=Trigger.API,
        by=ADMIN,
        reason=body.reason,
        idempotency_key=key,
        request_digest=digests[0] if digests else None,
    )
    return runs.insert(conn, wanted)


def _run_of_key(conn: Connection, key: str | None, digests: list[bytes]) -> Run | None:
    """The run that the key was first used for. Raise a 422 problem if for another request."""
    run = runs.find_by_key(conn, ADMIN, key) if key else None
    if run is not None and run.request_digest not in digests:
        raise invalid([("Idempotency-Key", f"was used for another request: run {run.id}")])
    return run


def _digests(services: Services, name: str, body: TriggerBody) -> list[bytes]:
    """Tell requests apart, also those of before the secret key was changed."""
    request = json.dumps([name, body.model_dump(mode="json")], sort_keys=True)
    return services.vault.digests(request)


def list_runs(services: Services, query: RunsQuery) -> Response:
    """List runs, the newest first."""
    with services.connection() as conn:
        rows = runs.page(
            conn,
            limit=query.limit + 1,
            before=query.before,
            states=query.state,
            template=query.template,
            trigger=query.trigger,
            since=query.since,
            until=query.until,
        )
    shown, more = cut(rows, query.limit)
    return answer(
        RunPage(
            runs=[RunAnswer.of(run) for run in shown],
            next=next_page("before", shown[-1].id) if more else None,
        )
    )


def show_run(services: Services, run_id: int) -> Response:
    """Show a run."""
    with services.connection() as conn:
        return answer(RunAnswer.of(find_run(conn, run_id)))


OPERATIONS = (
    Operation(
        method="POST",
        path="/templates/<name>/runs",
        view=trigger_run,
        query=WaitQuery,
        headers=TriggerHeaders,
        body=TriggerBody,
        answers={HTTPStatus.ACCEPTED: RunAnswer, HTTPStatus.OK: RunAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
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
        answers={HTTPStatus.OK: RunAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
)
