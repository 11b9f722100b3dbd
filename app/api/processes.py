"""The live family of a run, asked of its runner."""

from http import HTTPStatus

from flask import Response

from app.api.answers import ProcessesAnswer
from app.api.runs import find_run
from app.operations import Operation, answer
from app.problems import unavailable
from app.services import Services
from jobs import runs as jobs
from runner.run import RunState

LOOK = 2.0  # seconds for the runner's answer; it takes milliseconds


def list_processes(services: Services, run_id: int) -> Response:
    """List the processes of a running run, wherever they went; none when it is final."""
    with services.connection() as conn:
        run = find_run(conn, run_id)
    if run.state is not RunState.RUNNING:
        return answer(ProcessesAnswer(processes=[]))
    processes = jobs.look(services.redis, run_id, LOOK)
    if processes is None:
        raise unavailable("its runner did not answer")
    return answer(ProcessesAnswer(processes=processes))


OPERATIONS = (
    Operation(
        method="GET",
        path="/runs/<run_id>/processes",
        view=list_processes,
        answers={HTTPStatus.OK: ProcessesAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
)
