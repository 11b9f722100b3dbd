"""A real HTTP server on loopback as a target of notifications, which can be told to misbehave."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Heard:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Handler(BaseHTTPRequestHandler):
    """Answers as the target is told to."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        names = {name.lower(): value for name, value in self.headers.items()}
        target = self.server.target
        heard = Heard(self.command, self.path, names, body)
        with target.lock:
            number = len(target.heard)
            target.heard.append(heard)
        how = target.answers[min(number, len(target.answers) - 1)]
        how(self)
        target.answered.append(heard)

    do_GET = do_PUT = do_POST  # noqa: N815 the names are given

    def reply(self, code: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


Answer = Callable[[Handler], None]


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    """Answer with a status."""
    return lambda handler: handler.reply(code, body, **headers)


def hang(handler: Handler) -> None:
    """Say nothing until the target is let go; then all is well."""
    handler.server.target.letting_go.wait(60)
    handler.reply(200)


def drip(handler: Handler) -> None:
    """Answer a byte now and then, and never come to an end."""
    target = handler.server.target
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-")
    while not target.letting_go.wait(0.2):
        handler.wfile.write(b"a")


def reset(handler: Handler) -> None:
    """Break off with a reset."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def flood(handler: Handler) -> None:
    """Answer 200, and with a body that has no end."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    while not handler.server.target.letting_go.is_set():
        handler.wfile.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


def flood_of_headers(handler: Handler) -> None:
    """Answer with headers that have no end."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.server.target.letting_go.is_set():
        handler.wfile.write(b"X-More: " + b"x" * 1000 + b"\r\n")


def garbage(handler: Handler) -> None:
    """Answer what is no HTTP."""
    handler.wfile.write(b"\0\1\2 220 who is there\r\n\r\n")
    handler.close_connection = True


@dataclass
class Target:
    """What it has heard, and how it answers: one by one, the last for all that follow."""

    server: "Server"
    scheme: str = "http"
    answers: list[Answer] = field(default_factory=lambda: [status(200)])
    heard: list[Heard] = field(default_factory=list)
    #: What was answered to its end.
    answered: list[Heard] = field(default_factory=list)
    letting_go: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def port(self) -> int:
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"


class Server(ThreadingHTTPServer):
    """Threads that do not outlive the test."""

    daemon_threads = True
    request_queue_size = 128
    target: Target

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that give up are what many tests are about."""


@contextmanager
def open_target(context: ssl.SSLContext | None = None) -> Iterator[Target]:
    """Serve until the end."""
    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    server.target = Target(server, "https" if context else "http")
    serving = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    serving.start()
    try:
        yield server.target
    finally:
        server.target.letting_go.set()
        server.shutdown()
        server.server_close()
        serving.join()
