"""A collector of OpenTelemetry on this machine; it keeps what it is sent, or never answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Collector:
    """What came."""

    url: str
    requests: list[bytes] = field(default_factory=list)
    #: Until it is set nothing is answered.
    answers: Event = field(default_factory=Event)

    def spans(self) -> list[Any]:
        """Every span, with its attributes as a dictionary."""
        found = []
        for body in list(self.requests):
            told = ExportTraceServiceRequest.FromString(body)
            for resource in told.resource_spans:
                found += [span for scope in resource.scope_spans for span in scope.spans]
        return found

    def named(self, name: str) -> list[Any]:
        """The spans of this name."""
        return [span for span in self.spans() if span.name == name]


def attributes(span: Any) -> dict[str, Any]:
    """What a span tells."""
    return {
        each.key: getattr(each.value, str(each.value.WhichOneof("value")))
        for each in span.attributes
    }


@contextmanager
def collector() -> Iterator[Collector]:
    """Listen until the end."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                raise AssertionError("nobody has asked for that")
            here.requests.append(body)
            here.answers.wait()
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    here = Collector(f"http://127.0.0.1:{server.server_port}")
    here.answers.set()
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield here
    finally:
        here.answers.set()
        server.shutdown()
        server.server_close()
