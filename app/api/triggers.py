"""How a run comes to be over HTTP: once for each Idempotency-Key, whatever asks for it."""

import json
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from http import HTTPStatus

from flask import Response
from pydantic import BaseModel

from app.api.waiting import accepted
from app.auditing import Action, deed, doer
from app.auth import caller
from app.problems import Problem, invalid
from app.services import Services
from app.tracing import traceparent
from jobs import runs as jobs
from runner.admission import Admitted, GroupBusy, admit, may_displace
from runner.concurrency import Unnamed
from runner.noting import note_given_way
from runner.run import Run, RunState
from runner.store import runs
from runner.store.connection import Connection
from runner.wanted import Wanted


def queue_run(
    services: Services,
    want: Callable[[Connection], Wanted],
    action: Action,
    request: list[str | int],
    body: BaseModel,
    *,
    key: str | None,
    wait: float | None,
) -> Response:
    """Queue what *want* wants, unless *key* was used before, and answer with the run.

    The audit calls it *action*; *request* and *body* tell this request from others with this key.
    """
    digests = _digests(services, request, body) if key else []
    with services.connection() as conn:  # each statement whole by itself
        run = _run_of_key(conn, key, digests)
        admitted = None if run else _admit(conn, _keyed(want(conn), key, digests), action)
        # Another request with the same key was first.
        run = run or (admitted.run if admitted else _run_of_key(conn, key, digests))
    assert run is not None
    if run.state is RunState.QUEUED:
        jobs.hand_over(services.redis, admitted or Admitted(run=run))
    return accepted(services, run, wait)


def _admit(conn: Connection, wanted: Wanted, action: Action) -> Admitted | None:
    """Let it in. Raise a 409 problem when its group is busy."""
    about = {"reason": wanted.reason, "rerun_of": wanted.rerun_of}
    who = doer(wanted.by)
    try:
        # With what the audit says of those that give way; alone it is one statement.
        with conn.transaction() if may_displace(wanted) else nullcontext():
            admitted = admit(conn, wanted, deed(who, action, **about))
            if admitted is not None:
                note_given_way(conn, who, admitted)
    except GroupBusy as busy:
        raise Problem(HTTPStatus.CONFLICT, str(busy), runs=busy.run_ids) from None
    except Unnamed as error:  # a template of before: its variables were checked when it was put
        raise invalid([(f"vars.{error.variable}", error.fault)]) from None
    return admitted


def _keyed(wanted: Wanted, key: str | None, digests: list[bytes]) -> Wanted:
    digest = digests[0] if digests else None
    return replace(wanted, idempotency_key=key, request_digest=digest, traceparent=traceparent())


def _run_of_key(conn: Connection, key: str | None, digests: list[bytes]) -> Run | None:
    """The run that the key was first used for. Raise a 422 problem if for another request."""
    run = runs.find_by_key(conn, caller().name, key) if key else None
    if run is None:
        return None
    if run.request_digest not in digests:
        raise invalid([("Idempotency-Key", f"was used for another request: run {run.id}")])
    if not caller().sees(run.template):  # whoever had this name before did
        raise Problem(HTTPStatus.NOT_FOUND, f"there is no template {run.template!r}")
    return run


def _digests(services: Services, request: list[str | int], body: BaseModel) -> list[bytes]:
    """Tell requests apart, also those of before the secret key was changed."""
    written = json.dumps([*request, body.model_dump(mode="json")], sort_keys=True)
    return services.vault.digests(written)
