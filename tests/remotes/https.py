"""Git over HTTPS with basic authentication, which can be told to misbehave."""

import base64
import contextlib
import gzip
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.remotes.certificate import make_certificate
from tests.remotes.mark import MARKED

NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    authorization: str | None

    @property
    def user(self) -> str | None:
        """`user:password` of the request."""
        if self.authorization is None:
            return None
        return base64.b64decode(self.authorization.removeprefix("Basic ")).decode()


#: Answers a request in the place of git. True: it is answered.
Answer = Callable[["Handler"], bool]


@dataclass
class Https:
    """Smart HTTP for the repositories below *root*, with a certificate of its own."""

    root: Path
    server: ThreadingHTTPServer
    #: What must be trusted to speak to it: GIT_SSL_CAINFO.
    certificate: Path
    #: Who may read; None: everybody.
    users: dict[str, str] | None = None
    #: What is answered before git is asked.
    answer: Answer | None = None
    asked: list[Asked] = field(default_factory=list)
    #: Ends whoever waits in an answer.
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        host, port, *_ = self.server.server_address
        return f"{host}:{port}"

    def url(self, name: str = "repository") -> str:
        """The URL of a repository, without credentials."""
        return f"https://{self.host}/{name}"

    @property
    def credentials(self) -> set[str]:
        """Every `user:password` that was sent to it."""
        return {asked.user for asked in self.asked if asked.user is not None}

    def admits(self, asked: Asked) -> bool:
        """Tell whether a request may read."""
        pairs = None if self.users is None else [":".join(pair) for pair in self.users.items()]
        return pairs is None or asked.user in pairs


class Server(ThreadingHTTPServer):
    daemon_threads = True
    https: Https

    def get_request(self) -> tuple[socket.socket, Any]:
        """Leave the handshake to the request's own thread."""
        connection, address = super().get_request()
        return self.context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        ), address

    def __init__(self, context: ssl.SSLContext, address: tuple[str, int]) -> None:
        self.context = context
        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed in the middle is what many tests are about."""


class Handler(BaseHTTPRequestHandler):
    """Speaks for `git http-backend`."""

    server: Server

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        https = self.server.https
        asked = Asked(self.command, self.path, self.headers.get("Authorization"))
        https.asked.append(asked)
        if https.answer is not None and https.answer(self):
            return
        if not https.admits(asked):
            return self.reply(401, {"WWW-Authenticate": 'Basic realm="git"'})
        return self.serve(https.root)

    do_POST = do_GET  # noqa: N815 the name is given

    def serve(self, root: Path) -> None:
        """Let git answer."""
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        environ = {
            **MARKED,
            "GIT_PROJECT_ROOT": str(root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environ, capture_output=True, check=True
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.reply(int(headers.pop("Status", "200").split()[0]), headers, content)

    def reply(self, code: int, headers: Mapping[str, str] = NONE, content: bytes = b"") -> None:
        """Answer; with its length, since GnuTLS takes an end without a farewell for an attack."""
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def status(code: int) -> Answer:
    """Answer every request with *code*."""

    def answer(handler: Handler) -> bool:
        handler.reply(code)
        return True

    return answer


def redirect(there: str) -> Answer:
    """Send every request to the same path at *there* (scheme://host)."""

    def answer(handler: Handler) -> bool:
        handler.reply(302, {"Location": f"{there}{handler.path}"})
        return True

    return answer


def silent(handler: Handler) -> bool:
    """Never answer."""
    return handler.server.https.closing.wait()


def silent_for_fetches(handler: Handler) -> bool:
    """Tell what there is, and never send it: protocol v2 asks for objects by the second POST."""
    posts = [asked for asked in handler.server.https.asked if asked.method == "POST"]
    return len(posts) > 1 and silent(handler)


def slow(handler: Handler) -> bool:
    """Answer one byte at a time, for ever."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
    handler.end_headers()
    while not handler.server.https.closing.wait(0.02):
        handler.wfile.write(b"0")
        handler.wfile.flush()
    return True


@contextlib.contextmanager
def https_server(
    root: Path, folder: Path, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Https]:
    """Serve the repositories below *root*; its key and certificate are made in *folder*."""
    key, certificate = make_certificate(folder, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = Server(context, (host, port))
    server.https = Https(root, server, certificate)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.https
    finally:
        server.https.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
