"""Spans for OpenTelemetry, where somebody wants them: best effort, in a thread of their own.

Nothing of OpenTelemetry is imported until an endpoint is set. Its own batches are not used: they
start a thread in every process that is forked, and wait for the collector at exit.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from runner.run import Run, RunState
from runner.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Tracer

log = logging.getLogger(__name__)

MOST = 5_000  # spans that wait for a collector that is away; the oldest go
BATCH = 500  # spans of one request to it
PAUSE = 0.5  # seconds in which spans gather
LAST_WORDS = 1.0  # seconds that a process which ends leaves to the rest
BAD = (RunState.FAILED, RunState.TIMED_OUT, RunState.INTERRUPTED, RunState.LOST)


def open_traces(settings: Settings, service: str) -> "Traces | None":
    """Make what takes the spans of *service*. None when nobody wants them, or nothing can."""
    if settings.traces is None:
        return None
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter
        import opentelemetry.sdk.trace  # noqa: F401 - tells whether both are there

        return Traces(service)
    except ImportError as error:
        log.error("OTEL_EXPORTER_OTLP_ENDPOINT is set, but not the extra otel: %s", error)
        return None
    except ValueError as error:  # OTEL_… of a form that it cannot read; some it reads when imported
        log.error("no traces: a variable of OpenTelemetry's is wrong: %s", error)
        return None


class Traces:
    """Takes spans, and exports them when the collector can."""

    def __init__(self, service: str) -> None:
        """Start nothing before the first span: gunicorn forks after this. Raise ValueError."""
        self._lock = threading.Lock()
        self._is_exporting = False
        self._waiting: deque[ReadableSpan] = deque(maxlen=MOST)
        self._come = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._tracer = self._make_tracer(service)

    def tracer(self) -> "Tracer":
        """What spans are begun with."""
        with self._lock:
            if not self._is_exporting:
                threading.Thread(target=self._export, name="traces", daemon=True).start()
                self._is_exporting = True
            return self._tracer

    def _make_tracer(self, service: str) -> "Tracer":
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

        take = self._take

        class Taker(SpanProcessor):
            """Hands on what has ended."""

            def on_end(self, span: "ReadableSpan") -> None:
                take(span)

        provider = TracerProvider(
            resource=Resource.create({"service.name": service}), shutdown_on_exit=False
        )
        provider.add_span_processor(Taker())
        return provider.get_tracer("curtain")

    def _take(self, span: "ReadableSpan") -> None:
        if span.context and span.context.trace_flags.sampled:
            self._waiting.append(span)
            self._idle.clear()
            self._come.set()

    def _export(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter()
        while True:
            self._come.wait()
            self._come.clear()
            while batch := [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]:
                try:
                    exporter.export(batch)
                except Exception:
                    log.exception("%d spans could not be exported", len(batch))
            self._idle.set()
            threading.Event().wait(PAUSE)

    def flush(self) -> None:
        """Wait a moment for the collector to take what there is."""
        self._idle.wait(LAST_WORDS)

    def tell(self, run: Run) -> None:
        """Make the spans of a run that has ended, below that of the request it came from."""
        from opentelemetry.trace import SpanKind, set_span_in_context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
        from opentelemetry.trace.status import Status, StatusCode

        carried = {"traceparent": run.traceparent} if run.traceparent else {}
        above = TraceContextTextMapPropagator().extract(carried)
        whole = self.tracer().start_span(
            f"run {run.template}",
            above,
            SpanKind.CONSUMER,
            attributes=attributes(run),
            start_time=nanoseconds(run.queued_at),
        )
        if run.state in BAD:
            whole.set_status(Status(StatusCode.ERROR, run.message))
        inside = set_span_in_context(whole, above)
        for name, began, ended in phases(run):
            part = self.tracer().start_span(
                name, inside, attributes=attributes(run), start_time=nanoseconds(began)
            )
            part.end(nanoseconds(ended))
        if run.finished_at is not None:
            whole.end(nanoseconds(run.finished_at))


def phases(run: Run) -> Iterator[tuple[str, datetime, datetime]]:
    """What a run that has ended did from when to when, its last attempt."""
    ended = run.finished_at
    assert ended is not None
    marks = [("queued", run.queued_at), ("preparing", run.claimed_at), ("playing", run.playing_at)]
    reached = [(name, at) for name, at in marks if at is not None]
    ends = [at for _, at in reached[1:]] + [ended]
    for (name, began), until in zip(reached, ends, strict=True):
        yield name, began, max(began, until)
    if run.stop_requested_at is not None and run.claimed_at is not None:
        yield "stopping", run.stop_requested_at, ended


def attributes(run: Run) -> Mapping[str, Any]:
    """What every span of a run tells; nothing that anybody has typed."""
    told = {
        "curtain.run.id": run.id,
        "curtain.template": run.template,
        "curtain.run.state": str(run.state),
        "curtain.run.trigger": str(run.trigger),
        "curtain.run.attempt": run.attempt,
        "curtain.run.exit_code": run.exit_code,
        "curtain.run.runner": run.runner,
        "curtain.run.stop": str(run.stop_outcome) if run.stop_outcome else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def nanoseconds(at: datetime) -> int:
    """As OpenTelemetry counts."""
    return int(at.timestamp() * 1_000_000) * 1000
