"""Who calls, and whether that caller may: before each request, and where only its body tells."""

import logging
from collections.abc import Callable, Collection
from http import HTTPStatus
from urllib.parse import urlencode

from flask import Flask, Response, current_app, g, redirect, request
from werkzeug.wrappers import Response as BaseResponse

from app import sessions, token_form
from app.auditing import Action, doer, note
from app.operations import Operation
from app.problems import Problem
from app.rights import Caller, Right
from app.services import Services, services_of
from app.tokens import Expired, Known
from runner.store.connection import AWAY

log = logging.getLogger(__name__)


class Forbidden(Problem):
    """The caller lacks a right."""

    def __init__(self, detail: str, right: Right) -> None:
        """Name the *right* that is missing."""
        super().__init__(HTTPStatus.FORBIDDEN, detail, right=right)
        self.right = right


def caller() -> Caller:
    """Who makes this request. Raise a 401 problem when that is nobody."""
    known = find_caller()
    if known is None:
        raise unknown("send the token: Authorization: Bearer …")
    return known


def find_caller() -> Caller | None:
    """Who makes this request; None when nobody says. Raise a 401 or 429 problem for a wrong one."""
    known = _find()
    return known.caller if known else None


def require(right: Right) -> None:
    """Raise a 403 problem unless the caller has the right."""
    if right not in caller().rights:
        raise Forbidden(f"this needs the right {right}", right)


def require_all_templates() -> None:
    """Raise a 403 problem unless the caller has the right admin, and over all templates."""
    require(Right.ADMIN)
    if not caller().sees_everything:
        raise Forbidden(f"this needs the right {Right.ADMIN} over all templates", Right.ADMIN)


def unknown(detail: str) -> Problem:
    """401: nobody is known by what was sent."""
    challenge = {"WWW-Authenticate": 'Bearer realm="curtain"'}
    return Problem(HTTPStatus.UNAUTHORIZED, detail, headers=challenge)


def believe(services: Services, given: bytes) -> Known:
    """Whose token was *given*. Raise a 401 problem, or a 429 problem: see app.failures."""
    address = request.remote_addr or ""
    failures = services.failures
    if not token_form.is_one(given) and (wait := failures.seconds_to_wait(address)):
        raise _later(wait)
    why = "the token is nobody's"
    try:
        known = services.tokens.believe(given)
    except Expired as error:
        known, why = None, f"the token is not good any more: {error}"
    if known is None:
        if wait := failures.add(address):
            raise _later(wait)
        log.warning("from %s: %s", address, why)
        raise unknown(why)
    if known.is_admin_token:
        failures.trust(address)
    return known


def register(
    app: Flask, operations: Collection[Operation], open_endpoints: Collection[str]
) -> None:
    """Have *app* look at who calls before each request, and while it streams to somebody."""
    app.before_request(access_check(operations, open_endpoints))
    app.after_request(_end_with_token)
    app.register_error_handler(Forbidden, _refuse)


def access_check(
    operations: Collection[Operation], open_endpoints: Collection[str]
) -> Callable[[], BaseResponse | None]:
    """Make the check before each request. It raises a 401, 403 or 429 problem.

    What is not open needs a caller, unknown paths of the API too: nobody learns what is there. Who
    wants to see a page signs in first.
    """
    declared = {operation.name: operation for operation in operations}

    def check() -> BaseResponse | None:
        operation = declared.get(request.endpoint or "")
        if operation is not None:
            _check(operation)
        elif request.path.startswith("/api/"):
            caller()
        elif request.endpoint is not None and request.endpoint not in open_endpoints:
            return _check_page()
        return None

    return check


def _check(operation: Operation) -> None:
    if operation.is_open:
        return
    caller()
    sessions.require_own_page(services_of(current_app))
    if operation.needs_all_templates:
        require_all_templates()
    if operation.right is not None:
        require(operation.right)


def _check_page() -> BaseResponse | None:
    if find_caller() is None and request.method in sessions.SAFE:
        wanted = request.full_path if request.query_string else request.path
        return redirect(f"/sign-in?{urlencode({'next': wanted})}", HTTPStatus.SEE_OTHER)
    caller()
    sessions.require_own_page(services_of(current_app))
    return None


def _find() -> Known | None:
    """Find who calls, once for each request; a token of the request's own beats a cookie."""
    if "known" not in g:
        g.known = None  # also while it is found out, should that fail
        services = services_of(current_app)
        given = _bearer()
        g.known = believe(services, given) if given else sessions.find(services)
    known: Known | None = g.known
    return known


def _bearer() -> bytes:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    # WSGI shows the bytes of a header as Latin-1.
    return token.strip().encode("latin-1", "replace") if scheme.lower() == "bearer" else b""


def _later(seconds: int) -> Problem:
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too many tokens from this address were nobody's",
        headers={"Retry-After": str(seconds)},
    )


def _refuse(error: Forbidden) -> Response:
    note_refusal(error)
    return error.response()


def note_refusal(error: Forbidden) -> None:
    """Note for the audit that somebody has tried."""
    target = f"{request.method} {request.path}"
    try:
        with services_of(current_app).connection() as conn, conn.transaction():
            detail = {"right": error.right}
            note(conn, doer(caller().name), Action.REFUSED, target, detail=detail)
    except AWAY as away:
        log.error("not audited, Postgres is away: %s was refused %s: %s", caller(), target, away)


def _end_with_token(response: Response) -> Response:
    """Let what streams to somebody end when his token is revoked or expires."""
    known: Known | None = g.get("known")
    session = sessions.current()
    if known is None or not response.is_streamed or (session is None and known.is_admin_token):
        return response
    services = services_of(current_app)

    def counts() -> bool:
        if session is not None:
            return sessions.find_known(services, session) is not None
        with services.connection() as conn:
            return services.tokens.find(conn, known.token) is not None

    key = session.id if session else known.token
    parts = services.lasting.while_it_counts(key, counts, response.response)
    response.response = parts
    return response
