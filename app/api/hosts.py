"""What came of each host of a run."""

from http import HTTPStatus
from typing import Self

from flask import Response
from pydantic import Field

from app.api.answers import Answer
from app.api.pages import cut
from app.api.requests import HostsQuery
from app.api.runs import find_run
from app.operations import Operation, answer
from app.services import Services
from runner.recap import HostResult
from runner.store import hosts


class HostAnswer(Answer):
    """How many of a host's tasks ended in which way."""

    host: str
    ok: int
    changed: int
    unreachable: int
    failed: int
    skipped: int
    rescued: int
    ignored: int

    @classmethod
    def of(cls, result: HostResult) -> Self:
        """Show *result*."""
        return cls.model_validate(result._asdict())


class HostPage(Answer):
    """Hosts by name."""

    known: bool = Field(
        description="false until the run is final, and when Ansible did not tell what came of them"
    )
    hosts: list[HostAnswer]
    next: str | None = Field(description="where the next page is; null on the last")


def list_hosts(services: Services, run_id: int, query: HostsQuery) -> Response:
    """List what came of a run's hosts, by their names.

    Ansible tells it when a playbook ends by itself: of a run that was stopped, killed or could not
    be started it is not known.
    """
    with services.connection() as conn:
        run = find_run(conn, run_id)
        rows = hosts.page(conn, run_id, after=query.after, limit=query.limit + 1)
    shown, following = cut(rows, query.limit, "after", lambda row: row.host)
    return answer(
        HostPage(
            known=run.host_count is not None,
            hosts=[HostAnswer.of(result) for result in shown],
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
