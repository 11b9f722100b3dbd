"""The application: every part put together, for one set of settings."""

import json
import logging
import re
import time
from collections.abc import Callable
from functools import cache

from flask import Flask, Response, g, request

from app import auth, docs, problems, signing, tracing
from app.api import OPERATIONS, PREFIX
from app.certificates import fetch_certificates
from app.openapi import Json, full_path, specification
from app.operations import JSON, Operation, RunIdConverter
from app.page import pages
from app.services import Services
from runner.settings import Settings

log = logging.getLogger(__name__)

BODY = 2**20  # bytes that a request's body may have
NOISE = ("/health", "/ready", "/metrics")  # asked for by machines all the time

#: On every answer. A playbook can print HTML: nothing of ours may run as a page.
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    # Not no-referrer: by that the forms of our own pages would come with `Origin: null`.
    "Referrer-Policy": "same-origin",
}


def create_app(
    settings: Settings,
    clock: Callable[[], float] = time.time,
    fetch: Callable[[str], bytes] = fetch_certificates,
) -> Flask:
    """Make the application. It connects to nothing before its first request.

    By *clock*, in seconds since 1970, signatures are too old; *fetch* gets senders' certificates.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = BODY
    app.url_map.merge_slashes = False  # a redirect would be the only answer that is no problem
    app.url_map.converters["id"] = RunIdConverter
    services = Services(settings, clock, fetch)
    app.extensions["curtain"] = services
    problems.register(app)
    for operation in OPERATIONS:
        _add(app, operation, services)
    open_endpoints = _add_documentation(app) | signing.register(app, services)
    open_endpoints |= pages.register(app)
    app.before_request(_start_clock)
    tracing.register(app, services.traces)
    auth.register(app, OPERATIONS, open_endpoints)
    app.after_request(_finish)
    return app


def _add(app: Flask, operation: Operation, services: Services) -> None:
    def view(**path: int | str) -> Response:
        return operation.call(services, path)

    app.add_url_rule(
        re.sub(r"<(\w+_id)>", r"<id:\1>", full_path(operation, PREFIX)),
        operation.name,
        view,
        methods=[operation.method],
        provide_automatic_options=False,
    )


def _add_documentation(app: Flask) -> set[str]:
    """Serve the specification, for programs and for people, and name these endpoints."""

    def openapi() -> Response:
        return Response(_written(), content_type=JSON)

    def documentation() -> Response:
        return docs.page(_described())

    for path, view in (("/openapi.json", openapi), ("/docs", documentation)):
        app.add_url_rule(path, view_func=view, methods=["GET"], provide_automatic_options=False)
    return {"openapi", "documentation"}


@cache
def _described() -> Json:
    """The specification, made when it is first asked for: it takes longer than all the rest."""
    return specification(OPERATIONS, PREFIX)


@cache
def _written() -> str:
    return json.dumps(_described())


def _start_clock() -> None:
    g.started = time.perf_counter()


def _finish(response: Response) -> Response:
    """Add the headers that every answer has, and log the request without its query."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    is_noise = request.path in NOISE or request.path.startswith("/static/")
    level = logging.DEBUG if is_noise else logging.INFO
    if log.isEnabledFor(level):
        took = round((time.perf_counter() - g.started) * 1000, 1)
        log.log(
            level,
            "%s %s %d",
            request.method,
            request.path,
            response.status_code,
            extra={"milliseconds": took},
        )
    return response
