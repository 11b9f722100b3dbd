"""A span for each request, if traces are wanted; and the one that a run shall join."""

import re

from flask import Flask, Response, g, has_request_context, request

from runner.traces import Traces

TRACEPARENT = re.compile("00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
UNTRACED = ("/health", "/ready", "/metrics")


def traceparent() -> str | None:
    """The span that a run of this request joins: our own, or the caller's. None without any."""
    told: str | None = g.get("traceparent") if has_request_context() else None
    return told


def register(app: Flask, traces: Traces | None) -> None:
    """Note the caller's span before each request, and make our own below it."""
    app.before_request(_note)
    if traces is not None:
        app.before_request(lambda: _begin(traces))
        app.after_request(_answered)
        app.teardown_request(_end)


def _note() -> None:
    given = request.headers.get("traceparent", "")
    g.traceparent = given if TRACEPARENT.fullmatch(given) else None


def _begin(traces: Traces) -> None:
    if request.path in UNTRACED:
        return
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carried = {"traceparent": g.traceparent} if g.traceparent else {}
    route = request.url_rule.rule if request.url_rule else None
    g.span = traces.tracer().start_span(
        f"{request.method} {route or 'unknown'}",
        TraceContextTextMapPropagator().extract(carried),
        SpanKind.SERVER,
        attributes={"http.request.method": request.method, "http.route": route or ""},
    )
    context = g.span.get_span_context()
    g.traceparent = (
        f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"
    )


def _answered(response: Response) -> Response:
    if span := g.get("span"):
        span.set_attribute("http.response.status_code", response.status_code)
    return response


def _end(error: BaseException | None) -> None:
    if span := g.get("span"):
        if error is not None:
            span.record_exception(error)
        span.end()
