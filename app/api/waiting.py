"""Answer at once, or when the run is final."""

import logging
from http import HTTPStatus

from flask import Response

from app.api.run_answers import RunAnswer
from app.operations import answer
from app.services import Services
from runner.run import Run
from runner.store import runs
from runner.store.connection import AWAY

log = logging.getLogger(__name__)


def accepted(services: Services, run: Run, seconds: float | None) -> Response:
    """202 with the run as it is; 200 if the caller waits and it becomes final in time.

    When too many wait already it answers at once: what was asked for is done.
    """
    status = HTTPStatus.ACCEPTED
    if seconds is not None:
        with services.followers.place_if_free() as is_free:
            run = _final_or_last(services, run, seconds if is_free else 0.0)
        status = HTTPStatus.OK if run.is_final else HTTPStatus.ACCEPTED
    return answer(RunAnswer.of(run), status, {"Location": f"/api/v1/runs/{run.id}"})


def _final_or_last(services: Services, run: Run, seconds: float) -> Run:
    for _ in services.followers.wakes(run.id, seconds):
        try:
            with services.connection() as conn:
                run = runs.find(conn, run.id) or run
        except AWAY as error:
            # What was asked for is done; an error would let the caller think that it is not.
            log.warning("run %d: Postgres is away while a caller waits: %s", run.id, error)
        if run.is_final:
            break
    return run
