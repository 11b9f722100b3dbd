"""What came of each host of a run."""

from http import HTTPStatus

from flask import Response

from app.api.event_answers import HostAnswer, HostPage
from app.api.event_requests import HostsQuery
from app.api.pages import cut
from app.api.runs import find_run
from app.operations import Operation, answer
from app.services import Services
from runner.run import RunState
from runner.store import hosts


def list_hosts(services: Services, run_id: int, query: HostsQuery) -> Response:
    """List how far a run's hosts have come and what came of them, by their names.

    The counts are Ansible's own when a playbook has ended by itself (`known`); before that, and of
    a run that was stopped or killed, they are what was seen while it played.
    """
    with services.connection() as conn:
        run = find_run(conn, run_id)
        rows = hosts.page(
            conn,
            run_id,
            is_known=run.host_count is not None,
            is_running=run.state is RunState.RUNNING,
            after=query.after,
            limit=query.limit + 1,
            states=query.state,
        )
    page, following = cut(rows, query.limit, "after", lambda row: row.host)
    return answer(
        HostPage(
            known=run.host_count is not None,
            hosts=[HostAnswer.of(each) for each in page],
            next=following,
        )
    )


OPERATIONS = (
    Operation(
        method="GET",
        path="/runs/<run_id>/hosts",
        view=list_hosts,
        query=HostsQuery,
        answers={HTTPStatus.OK: HostPage},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
)
