"""Who calls, and whether that caller may: before each request, and where only its body tells."""

import hmac
from collections.abc import Callable, Collection
from http import HTTPStatus
from typing import Final

from flask import g, request

from app.operations import Operation
from app.problems import Problem
from app.rights import Caller, Right, complete

#: The caller who has the token of the settings.
ADMIN: Final = "admin"


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
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "send the token: Authorization: Bearer …",
            headers={"WWW-Authenticate": 'Bearer realm="curtain"'},
        )
    return known


def find_caller() -> Caller | None:
    """Who makes this request; None when that is nobody whom we know."""
    known: Caller | None = g.get("caller")
    return known


def require(right: Right) -> None:
    """Raise a 403 problem unless the caller has the right."""
    if right not in caller().rights:
        raise Forbidden(f"this needs the right {right}", right)


def access_check(
    admin_token: str, operations: Collection[Operation], open_endpoints: Collection[str]
) -> Callable[[], None]:
    """Make the check before each request. It raises a 401 or 403 problem.

    What is not open needs a caller, unknown paths of the API too: nobody learns what is there.
    """
    declared = {operation.name: operation for operation in operations}

    def check() -> None:
        g.caller = _bearer(admin_token)
        operation = declared.get(request.endpoint or "")
        if operation is not None:
            _check(operation)
        elif request.endpoint not in open_endpoints and (
            request.endpoint is not None or request.path.startswith("/api/")
        ):
            caller()

    return check


def _check(operation: Operation) -> None:
    if operation.is_open:
        return
    known = caller()
    if operation.right is not None:
        require(operation.right)
    if operation.needs_all_templates and not known.sees_everything:
        raise Forbidden(f"this needs the right {Right.ADMIN} over all templates", Right.ADMIN)


def _bearer(admin_token: str) -> Caller | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not _is_same(token.strip(), admin_token):
        return None
    return Caller(ADMIN, complete([Right.ADMIN]))


def _is_same(given: str, expected: str) -> bool:
    """Compare in a time that does not depend on where they differ."""
    # WSGI shows the bytes of a header as Latin-1.
    return hmac.compare_digest(given.encode("latin-1", "replace"), expected.encode())
