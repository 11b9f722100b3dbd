"""The audit: who did what, from where."""

from http import HTTPStatus

from flask import Response

from app.api.pages import cut
from app.api.token_answers import AuditAnswer, AuditPage
from app.api.token_requests import AuditQuery
from app.operations import Operation, answer
from app.rights import Right
from app.services import Services
from runner.store import audit


def list_audit(services: Services, query: AuditQuery) -> Response:
    """List what was done, the newest first; for 400 days."""
    with services.connection() as conn:
        rows = audit.page(
            conn,
            limit=query.limit + 1,
            before=query.before,
            actor=query.actor,
            action=query.action,
            target=query.target,
            since=query.since,
            until=query.until,
        )
    shown, following = cut(rows, query.limit, "before", lambda row: row.id)
    return answer(AuditPage(entries=[AuditAnswer.of(entry) for entry in shown], next=following))


OPERATIONS = (
    Operation(
        method="GET",
        path="/audit",
        view=list_audit,
        right=Right.ADMIN,
        needs_all_templates=True,
        query=AuditQuery,
        answers={HTTPStatus.OK: AuditPage},
    ),
)
