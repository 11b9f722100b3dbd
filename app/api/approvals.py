"""Approval: let a run start that wants it, or see that it never does."""

from http import HTTPStatus

from flask import Response

from app.api.run_answers import RunAnswer
from app.api.run_requests import ApprovalBody
from app.api.runs import conflict, find_run
from app.approving import missing_right, objection
from app.auditing import Action, doer
from app.auth import caller, require
from app.operations import Operation, answer
from app.rights import Right
from app.services import Services
from jobs import runs as jobs
from runner.admission import approve, deny
from runner.noting import note_given_way, note_run
from runner.run import Run
from runner.store.connection import Connection


def approve_run(services: Services, run_id: int, body: ApprovalBody) -> Response:
    """Approve of a run: it may start.

    It needs the right `approve`, the others that `approval` of its template names, and somebody
    else than who has triggered it unless that says `own`. 409 when nobody need approve of it, or
    somebody has.
    """
    by = caller().name
    with services.connection() as conn, conn.transaction():
        run = _find(conn, run_id)
        if why := objection(run, by):
            raise conflict(run, why)
        approved = approve(conn, run, by=by, reason=body.reason)
        if approved is None:
            now = find_run(conn, run_id)
            raise conflict(now, objection(now, by) or f"the time to approve of {run_id} is over")
        note_run(conn, doer(by), Action.APPROVE, approved.run, reason=body.reason)
        note_given_way(conn, doer(by), approved)
    jobs.hand_over(services.redis, approved)
    return answer(RunAnswer.of(approved.run))


def deny_run(services: Services, run_id: int, body: ApprovalBody) -> Response:
    """Deny a run that wants approval: it is stopped, and never starts."""
    by = caller().name
    with services.connection() as conn, conn.transaction():
        run = _find(conn, run_id)
        if why := objection(run, by, is_denial=True):
            raise conflict(run, why)
        denied = deny(conn, run, by=by, reason=body.reason)
        if denied is None:
            now = find_run(conn, run_id)
            why = objection(now, by, is_denial=True)
            raise conflict(now, why or f"run {run_id} waits for approval no more")
        note_run(conn, doer(by), Action.DENY, denied, reason=body.reason)
    jobs.ring_stop(services.redis, denied)
    return answer(RunAnswer.of(denied))


def _find(conn: Connection, run_id: int) -> Run:
    """The run, if the caller has what it wants. Raise a 404 problem, or a 403 problem."""
    run = find_run(conn, run_id)
    if missing := missing_right(run, lambda right: right in caller().rights):
        require(missing)
    return run


OPERATIONS = tuple(
    Operation(
        method="POST",
        path=f"/runs/<run_id>/{verb}",
        view=view,
        right=Right.APPROVE,
        body=ApprovalBody,
        answers={HTTPStatus.OK: RunAnswer},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    )
    for verb, view in (("approve", approve_run), ("deny", deny_run))
)
