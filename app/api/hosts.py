"""What came of each host of a run."""

from http import HTTPStatus

from flask import Response

from app.api.answers import HostAnswer, HostPage
from app.api.pages import cut, next_page
from app.api.requests import HostsQuery
from app.api.runs import find_run
from app.operations import Operation, answer
from app.services import Services
from runner.store import hosts


def list_hosts(services: Services, run_id: int, query: HostsQuery) -> Response:
    """List what came of a run's hosts, by their names.

    Ansible tells it when a playbook ends by itself: of a run that was stopped, killed or could not
    be started it is not known.
    """
    with services.connection() as conn:
        run = find_run(conn, run_id)
        rows = hosts.page(conn, run_id, after=query.after, limit=query.limit + 1)
    shown, more = cut(rows, query.limit)
    return answer(
        HostPage(
            known=run.host_count is not None,
            hosts=[HostAnswer.of(result) for result in shown],
            next=next_page("after", shown[-1].host) if more else None,
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
