"""How a run comes to be over HTTP: once for each Idempotency-Key, whatever asks for it."""

import json
from collections.abc import Callable
from dataclasses import replace

from flask import Response
from pydantic import BaseModel

from app.api.waiting import accepted
from app.auth import ADMIN
from app.problems import invalid
from app.services import Services
from app.tracing import traceparent
from jobs import runs as jobs
from runner.run import Run, RunState, Wanted
from runner.store import runs
from runner.store.connection import Connection


def queue_run(
    services: Services,
    want: Callable[[Connection], Wanted],
    request: list[str | int],
    body: BaseModel,
    *,
    key: str | None,
    wait: float | None,
) -> Response:
    """Queue what *want* wants, unless *key* was used before, and answer with the run.

    *request* and *body* tell this request from others with the same key.
    """
    digests = _digests(services, request, body) if key else []
    with services.connection() as conn:
        run = (
            _run_of_key(conn, key, digests)
            or runs.insert(conn, _keyed(want(conn), key, digests))
            or _run_of_key(conn, key, digests)  # another request with the same key was first
        )
    assert run is not None
    if run.state is RunState.QUEUED:
        jobs.enqueue(services.redis, run)
    return accepted(services, run, wait)


def _keyed(wanted: Wanted, key: str | None, digests: list[bytes]) -> Wanted:
    digest = digests[0] if digests else None
    return replace(wanted, idempotency_key=key, request_digest=digest, traceparent=traceparent())


def _run_of_key(conn: Connection, key: str | None, digests: list[bytes]) -> Run | None:
    """The run that the key was first used for. Raise a 422 problem if for another request."""
    run = runs.find_by_key(conn, ADMIN, key) if key else None
    if run is not None and run.request_digest not in digests:
        raise invalid([("Idempotency-Key", f"was used for another request: run {run.id}")])
    return run


def _digests(services: Services, request: list[str | int], body: BaseModel) -> list[bytes]:
    """Tell requests apart, also those of before the secret key was changed."""
    written = json.dumps([*request, body.model_dump(mode="json")], sort_keys=True)
    return services.vault.digests(written)
