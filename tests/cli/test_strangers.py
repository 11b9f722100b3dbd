"""What the command line does when what answers is no server of ours."""

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from app.cli.main import main

RUN = {
    "id": 1,
    "template": "deploy",
    "state": "running",
    "stale": False,
    "stopping": False,
    "phase": "playing",
    "claimed_at": "2026-11-29T08:00:00Z",
    "playing_at": None,
    "output": {"bytes": 0},
}
EVENTS = "text/event-stream"


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Somebody who answers a path's end with what the test says, and runs with RUN."""
    answers: dict[str, tuple[bytes, str]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            end = self.path.partition("?")[0].rpartition("/")[2]
            body, kind = answers.get(end, (json.dumps(RUN).encode(), "application/json"))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever).start()
    monkeypatch.setenv("CURTAIN_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("CURTAIN_TOKEN", "a-token-of-the-tests")
    monkeypatch.setenv("CURTAIN_PATIENCE", "0.5")

    def answer(end: str, body: Any, kind: str = "application/json") -> None:
        answers[end] = (body if isinstance(body, bytes) else json.dumps(body).encode(), kind)

    yield answer
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("body", [[], {}, None, 7, b"\xff", {"id": "\x1b[2J"}])
@pytest.mark.parametrize("command", ["status 1", "stop 1 --wait", "tail 1"])
def test_an_answer_of_another_kind_is_no_server_of_ours(
    stranger: Callable[..., None], body: Any, command: str
) -> None:
    stranger("1", body)
    stranger("stop", body)

    assert main(command.split()) == 13


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>Sign in</html>\n\n", "text/html"),  # of a router
        (b"", EVENTS),  # of one that opens and closes
        (b"event: output\nid: 5\ndata: {bad\n\n", EVENTS),
        (b"event: output\nid: x\ndata: {}\n\n", EVENTS),
        (b'event: output\nid: x\ndata: {"text": "x"}\n\n', EVENTS),
        (b"event: end\nid: 5\ndata: {}\n\n", EVENTS),
        (b"event: \xff\ndata: 7\n\n", EVENTS),
    ],
)
@pytest.mark.timeout(20)
def test_whoever_only_looks_like_a_stream_is_given_up(
    stranger: Callable[..., None], body: bytes, kind: str
) -> None:
    stranger("output", body, kind)

    assert main(["tail", "-f", "1"]) == 13
