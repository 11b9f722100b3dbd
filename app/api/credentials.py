"""Credentials: keep secrets that templates may name. What was put is never shown again."""

import logging
from http import HTTPStatus

from flask import Response

from app.api.answers import CredentialAnswer, CredentialPage
from app.api.credential_requests import CredentialBody, CredentialsQuery
from app.api.pages import cut
from app.auditing import Action, doer, note
from app.auth import caller
from app.operations import Operation, answer
from app.problems import Problem, invalid
from app.rights import Right
from app.services import Services
from runner import uses
from runner.credential import shown, unlocked
from runner.store import audit, credentials
from runner.store.credentials import CredentialInUse
from runner.template import NAME

log = logging.getLogger(__name__)


def put_credential(services: Services, name: str, body: CredentialBody) -> Response:
    """Keep a credential, or change it. Runs that begin later use it as it is then."""
    if not NAME.fullmatch(name):
        raise invalid([("name", f"must match {NAME.pattern}")])
    credential = unlocked(body.root)
    sealed = services.vault.seal(credential.model_dump())
    assert sealed is not None
    known = uses.known(credential)
    who, target = doer(caller().name), f"credential {name}"
    with services.connection() as conn, conn.transaction():
        audit.hold(conn, target)
        before = credentials.find(conn, name)
        try:
            kept, is_new = credentials.put(conn, name, known, shown(credential), sealed, who.name)
        except CredentialInUse as error:
            raise _in_use(error) from None
        was = before.told() if before else None
        note(conn, who, Action.PUT_CREDENTIAL, target, before=was, after=kept.told())
    log.info("credential %s: %s by %s", name, "made" if is_new else "changed", who.name)
    return answer(CredentialAnswer.of(kept), HTTPStatus.CREATED if is_new else HTTPStatus.OK)


def show_credential(services: Services, name: str) -> Response:
    """Show a credential without its secrets."""
    with services.connection() as conn:
        stored = credentials.find(conn, name) if NAME.fullmatch(name) else None
    if stored is None:
        raise _unknown(name)
    return answer(CredentialAnswer.of(stored))


def delete_credential(services: Services, name: str) -> Response:
    """Forget a credential that no template and no queued or running run uses."""
    who, target = doer(caller().name), f"credential {name}"
    with services.connection() as conn, conn.transaction():
        audit.hold(conn, target)
        before = credentials.find(conn, name) if NAME.fullmatch(name) else None
        try:
            if before is None or not credentials.delete(conn, name):
                raise _unknown(name)
        except CredentialInUse as error:
            raise _in_use(error) from None
        note(conn, who, Action.DELETE_CREDENTIAL, target, before=before.told())
    log.info("credential %s: deleted by %s", name, who.name)
    return Response(status=HTTPStatus.NO_CONTENT)


def list_credentials(services: Services, query: CredentialsQuery) -> Response:
    """List credentials by name, without their secrets."""
    with services.connection() as conn:
        rows = credentials.page(conn, after=query.after, limit=query.limit + 1)
    kept, following = cut(rows, query.limit, "after", lambda row: row.name)
    return answer(
        CredentialPage(
            credentials=[CredentialAnswer.of(stored) for stored in kept],
            next=following,
        )
    )


def _unknown(name: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, f"there is no credential {name!r}")


def _in_use(error: CredentialInUse) -> Problem:
    return Problem(
        HTTPStatus.CONFLICT,
        str(error),
        templates=error.templates,
        runs=error.runs,
        hooks=error.hooks,
    )


OPERATIONS = (
    Operation(
        method="PUT",
        path="/credentials/<name>",
        view=put_credential,
        right=Right.ADMIN,
        needs_all_templates=True,
        body=CredentialBody,
        answers={HTTPStatus.OK: CredentialAnswer, HTTPStatus.CREATED: CredentialAnswer},
        problems=(HTTPStatus.CONFLICT,),
    ),
    Operation(
        method="GET",
        path="/credentials/<name>",
        view=show_credential,
        right=Right.ADMIN,
        needs_all_templates=True,
        answers={HTTPStatus.OK: CredentialAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="DELETE",
        path="/credentials/<name>",
        view=delete_credential,
        right=Right.ADMIN,
        needs_all_templates=True,
        answers={HTTPStatus.NO_CONTENT: None},
        problems=(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
    Operation(
        method="GET",
        path="/credentials",
        view=list_credentials,
        right=Right.ADMIN,
        needs_all_templates=True,
        query=CredentialsQuery,
        answers={HTTPStatus.OK: CredentialPage},
    ),
)
