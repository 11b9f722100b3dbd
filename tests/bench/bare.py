"""The floor of every answer: a WSGI application that does nothing, under the same gunicorn."""

from collections.abc import Callable, Iterable
from typing import Any

BODY = b"{" + b" " * 1200 + b"}"  # a run is about as long


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer 202 to everything."""
    environ["wsgi.input"].read()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(BODY)))]
    start_response("202 Accepted", headers)
    return [BODY]
