"""Answer at once, or when the run is final."""

import logging
from contextlib import AbstractContextManager, nullcontext
from http import HTTPStatus

import psycopg
from flask import Response

from app.api.answers import RunAnswer
from app.operations import answer
from app.services import Services
from runner.run import Run
from runner.store import runs

log = logging.getLogger(__name__)


def may_wait(services: Services, seconds: float | None) -> AbstractContextManager[None]:
    """Hold a place while waiting. Raise a 503 problem before anything is changed."""
    return services.followers.place() if seconds else nullcontext()


def accepted(services: Services, run: Run, seconds: float | None) -> Response:
    """202 with the run as it is; 200 if the caller waits and it becomes final in time."""
    status = HTTPStatus.ACCEPTED
    if seconds is not None:
        run = _final_or_last(services, run, seconds)
        status = HTTPStatus.OK if run.is_final else HTTPStatus.ACCEPTED
    return answer(RunAnswer.of(run), status, {"Location": f"/api/v1/runs/{run.id}"})


def _final_or_last(services: Services, run: Run, seconds: float) -> Run:
    for _ in services.followers.wakes(run.id, seconds):
        try:
            with services.connection() as conn:
                run = runs.find(conn, run.id) or run
        except psycopg.OperationalError as error:
            # What was asked for is done; an error would let the caller think that it is not.
            log.warning("run %d: Postgres is away while a caller waits: %s", run.id, error)
        if run.is_final:
            break
    return run
