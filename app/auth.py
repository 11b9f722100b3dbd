"""Who may call: the bearer of the admin token."""

import hmac
from collections.abc import Callable, Collection
from http import HTTPStatus

from flask import request

from app.problems import Problem

#: Who a run was triggered or stopped by, when that token was given.
ADMIN = "admin"


def token_check(admin_token: str, open_endpoints: Collection[str]) -> Callable[[], None]:
    """Make the check before each request. It raises a 401 problem.

    What is not open needs the token, unknown paths of the API too: nobody learns what is there.
    """

    def require_token() -> None:
        if request.endpoint in open_endpoints:
            return
        if request.endpoint is None and not request.path.startswith("/api/"):
            return
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not _is_same(token.strip(), admin_token):
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "send the token: Authorization: Bearer …",
                headers={"WWW-Authenticate": 'Bearer realm="curtain"'},
            )

    return require_token


def _is_same(given: str, expected: str) -> bool:
    """Compare in a time that does not depend on where they differ."""
    # WSGI shows the bytes of a header as Latin-1.
    return hmac.compare_digest(given.encode("latin-1", "replace"), expected.encode())
