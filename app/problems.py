"""Errors as RFC 9457 problems: what callers are told, and what only the log is told."""

import json
import logging
import uuid
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, request
from redis.exceptions import RedisError
from werkzeug.exceptions import HTTPException

from runner.acceptance import Refused
from runner.store.connection import AWAY, OLDER
from runner.template import TemplateOfAnotherVersion
from runner.vault import SecretsUnreadable

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2  # seconds, when something that we need is away or full


class Problem(Exception):
    """The request cannot be answered as it was meant."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **members: Any,
    ) -> None:
        """Tell *detail* to the caller; *members* are added to the problem."""
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def response(self) -> Response:
        """Write it down."""
        body = {"status": self.status, "title": self.status.phrase, "detail": self.detail}
        return Response(
            json.dumps(body | self.members), self.status, self.headers, content_type=MEDIA_TYPE
        )


def unavailable(detail: str) -> Problem:
    """503, to be tried again soon."""
    retry = {"Retry-After": str(RETRY_AFTER)}
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers=retry)


def invalid(faults: list[tuple[str, str]]) -> Problem:
    """422, naming each field that is wrong and why."""
    errors = [{"field": field, "message": message} for field, message in faults]
    detail = "; ".join(f"{field}: {message}" for field, message in faults[:5])
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)


def register(app: Flask) -> None:
    """Answer every error with a problem."""
    app.register_error_handler(Problem, Problem.response)
    app.register_error_handler(Refused, lambda error: invalid(error.faults).response())
    app.register_error_handler(HTTPException, _http)
    for kind in AWAY:
        app.register_error_handler(kind, _postgres_away)
    for older in OLDER:
        app.register_error_handler(older, _not_released)
    app.register_error_handler(TemplateOfAnotherVersion, _of_another_version)
    app.register_error_handler(RedisError, _redis_away)
    app.register_error_handler(SecretsUnreadable, _unreadable)
    app.register_error_handler(Exception, _unexpected)


def _http(error: HTTPException) -> Response:
    """Keep the headers: 405 needs Allow."""
    kept = {name: value for name, value in error.get_headers() if not name.startswith("Content-")}
    status = HTTPStatus(error.code or 500)
    return Problem(status, status.description, headers=kept).response()


def _postgres_away(error: Exception) -> Response:
    log.error("%s %s: Postgres is away: %s", request.method, request.path, error)
    return unavailable("the database does not answer; nothing is known to have changed").response()


def _not_released(error: Exception) -> Response:
    log.error("%s %s: its tables are of an older version: %s", request.method, request.path, error)
    told = "the database is of an older version: run the release phase (`python -m app migrate`)"
    return unavailable(told).response()


def _of_another_version(error: Exception) -> Response:
    log.error("%s %s: a template is of another version", request.method, request.path)
    told = "the template has what this version does not take: is an upgrade under way?"
    return unavailable(told).response()


def _redis_away(error: Exception) -> Response:
    log.error("%s %s: Redis is away: %s", request.method, request.path, error)
    return unavailable("Redis does not answer").response()


def _unreadable(error: Exception) -> Response:
    log.error("%s %s: %s", request.method, request.path, error)
    return unavailable("what is kept encrypted cannot be read with the keys of now").response()


def _unexpected(error: Exception) -> Response:
    problem_id = uuid.uuid4().hex
    log.error(
        "%s %s: problem %s",
        request.method,
        request.path,
        problem_id,
        exc_info=error,
        extra={"problem": problem_id},
    )
    return Problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        f"this is our fault; the log tells more of {problem_id}",
        id=problem_id,
    ).response()
