"""Stops: ask for one."""

from http import HTTPStatus

from flask import Response

from app.api.run_answers import RunAnswer
from app.api.run_requests import StopBody, WaitQuery
from app.api.runs import conflict, find_run
from app.api.waiting import accepted
from app.auditing import Action, doer
from app.auth import caller, require
from app.operations import Operation
from app.rights import Right
from app.services import Services
from jobs import runs as jobs
from runner.noting import note_stop
from runner.store import stops


def stop_run(services: Services, run_id: int, query: WaitQuery, body: StopBody) -> Response:
    """Ask for a stop.

    Asking again changes nothing, but may add force. A final run cannot be stopped: 409. To
    force needs the right `kill`.
    """
    if body.force:
        require(Right.KILL)
    who = doer(caller().name)
    with services.connection() as conn, conn.transaction():
        find_run(conn, run_id)
        asked = stops.request_stop(conn, run_id, by=who.name, reason=body.reason, force=body.force)
        if asked is not None:
            action = Action.FORCE if body.force else Action.STOP
            note_stop(conn, who, action, asked, reason=body.reason)
        run = asked or find_run(conn, run_id)
    if asked is not None:
        jobs.ring_stop(services.redis, asked)
    elif run.is_final:
        raise conflict(run, f"run {run_id} is {run.state} already")
    return accepted(services, run, query.wait)


OPERATIONS = (
    Operation(
        method="POST",
        path="/runs/<run_id>/stop",
        view=stop_run,
        right=Right.STOP,
        query=WaitQuery,
        body=StopBody,
        answers={HTTPStatus.ACCEPTED: RunAnswer, HTTPStatus.OK: RunAnswer},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
)
