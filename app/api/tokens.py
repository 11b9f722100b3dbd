"""Tokens: say who may call, and what that caller may do."""

import logging
from http import HTTPStatus
from typing import Final

from flask import Response

from app import token_form
from app.api.pages import cut
from app.api.token_answers import NewTokenAnswer, TokenAnswer, TokenPage
from app.api.token_requests import TokenBody, TokensQuery
from app.auditing import Action, doer, note
from app.auth import caller
from app.operations import Operation, answer
from app.problems import Problem, invalid
from app.rights import Caller, Right
from app.services import Services
from app.tokens import ADMIN
from runner.store import tokens
from runner.store.tokens import Wanted
from runner.template import NAME

log = logging.getLogger(__name__)

LONGEST: Final = 100 * 365 * 86_400.0  # seconds; Python and Postgres know no year 10000


def create_token(services: Services, body: TokenBody) -> Response:
    """Make a token, and show it this once.

    It may only look unless `rights` say otherwise. It lasts for as long as its maker's own at most.
    409 when there is one of that name.
    """
    maker, token = caller(), token_form.make()
    if faults := _faults(body, maker, services.clock()):
        raise invalid(faults)
    with services.connection() as conn, conn.transaction():
        wanted = Wanted(
            name=body.name,
            id=token.id,
            digest=services.tokens.new_digest(conn, token),
            rights=[right for right in Right if right in body.rights],
            templates=body.templates,
            expires_at=body.expires_at or maker.expires_at,
        )
        stored = tokens.insert(conn, wanted, maker.name)
        if stored is None:
            taken = f"there is a token {body.name!r}: revoke it first, or choose another name"
            raise Problem(HTTPStatus.CONFLICT, taken)
        note(conn, doer(maker.name), Action.CREATE_TOKEN, f"token {body.name}", after=stored.told())
    log.info("token %s: made by %s", body.name, maker.name)
    made = NewTokenAnswer.model_validate({**stored._asdict(), "token": token.text})
    return answer(made, HTTPStatus.CREATED)


def show_token(services: Services, name: str) -> Response:
    """Show what a token may do, and when it was used, to a minute."""
    with services.connection() as conn:
        stored = tokens.find(conn, name) if NAME.fullmatch(name) else None
    if stored is None:
        raise _unknown(name)
    return answer(TokenAnswer.of(stored))


def revoke_token(services: Services, name: str) -> Response:
    """Revoke a token: from now on it is nobody's.

    What streams to whoever has it ends, and so do sessions that were begun with it.
    """
    with services.connection() as conn, conn.transaction():
        stored = tokens.delete(conn, name) if NAME.fullmatch(name) else None
        if stored is None:
            raise _unknown(name)
        who = doer(caller().name)
        note(conn, who, Action.REVOKE_TOKEN, f"token {name}", before=stored.told())
    log.info("token %s: revoked by %s", name, caller().name)
    return Response(status=HTTPStatus.NO_CONTENT)


def list_tokens(services: Services, query: TokensQuery) -> Response:
    """List tokens by name; what they are is not shown again."""
    with services.connection() as conn:
        rows = tokens.page(conn, after=query.after, limit=query.limit + 1)
    shown, following = cut(rows, query.limit, "after", lambda row: row.name)
    return answer(TokenPage(tokens=[TokenAnswer.of(stored) for stored in shown], next=following))


def _faults(body: TokenBody, maker: Caller, now: float) -> list[tuple[str, str]]:
    """What is wrong with the token, above all what its *maker* has not got."""
    # Who makes tokens has all rights over all templates; only his own end is left to keep to.
    faults = []
    if body.name == ADMIN:
        faults.append(("name", "is that of whoever has the token of the settings"))
    if body.expires_at is not None and not 0 < body.expires_at.timestamp() - now < LONGEST:
        faults.append(("expires_at", "must be in the next 100 years"))
    if body.expires_at and maker.expires_at and body.expires_at > maker.expires_at:
        faults.append(("expires_at", f"is later than your own end, {maker.expires_at.isoformat()}"))
    return faults


def _unknown(name: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, f"there is no token {name!r}")


OPERATIONS = (
    Operation(
        method="POST",
        path="/tokens",
        view=create_token,
        right=Right.ADMIN,
        needs_all_templates=True,
        body=TokenBody,
        answers={HTTPStatus.CREATED: NewTokenAnswer},
        problems=(HTTPStatus.CONFLICT,),
    ),
    Operation(
        method="GET",
        path="/tokens",
        view=list_tokens,
        right=Right.ADMIN,
        needs_all_templates=True,
        query=TokensQuery,
        answers={HTTPStatus.OK: TokenPage},
    ),
    Operation(
        method="GET",
        path="/tokens/<name>",
        view=show_token,
        right=Right.ADMIN,
        needs_all_templates=True,
        answers={HTTPStatus.OK: TokenAnswer},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
    Operation(
        method="DELETE",
        path="/tokens/<name>",
        view=revoke_token,
        right=Right.ADMIN,
        needs_all_templates=True,
        answers={HTTPStatus.NO_CONTENT: None},
        problems=(HTTPStatus.NOT_FOUND,),
    ),
)
