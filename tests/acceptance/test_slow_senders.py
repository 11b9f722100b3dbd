"""Strangers who begin to send and never end: they keep no thread from everybody else."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.api import TEMPLATE
from tests.formation import TOKEN, Formation
from tests.hooks.signing import SECRET

MANY = 45  # more than the threads, which are 40 and a follower's
BODY = b"POST /hooks/site HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
SLOW = [
    pytest.param(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ", id="headers"),
    pytest.param(BODY + b"Content-Length: 1000\r\n\r\n{", id="body"),
]


@pytest.fixture
def formation(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Formation]:
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "CURTAIN_ADMIN_TOKEN": TOKEN,
        "CURTAIN_SECRET_KEY": "s" * 32,
        "WEB_CONCURRENCY": "1",
        "CURTAIN_FOLLOWERS": "1",
    }
    started = Formation(environ, tmp_path)
    yield started
    started.stop()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("beginning", SLOW)
def test_who_begins_to_send_and_never_ends_is_let_go(
    formation: Formation, beginning: bytes
) -> None:
    client = formation.start_web()
    client.call("PUT", "/templates/deploy", TEMPLATE)
    hook = {"sender": "github", "secret": SECRET, "template": "deploy"}
    assert client.call("PUT", "/hooks/site", hook).status == 201
    with ExitStack() as held:
        for _ in range(MANY):
            slow = held.enter_context(socket.create_connection(("127.0.0.1", formation.port)))
            slow.sendall(beginning)

        assert client.call("GET", "//health").status == 200  # within a minute; it was for ever


def test_who_is_answered_and_does_not_hang_up_keeps_nobody_waiting(formation: Formation) -> None:
    client = formation.start_web()
    with ExitStack() as held:
        lingering = [
            held.enter_context(socket.create_connection(("127.0.0.1", formation.port)))
            for _ in range(30)
        ]
        for each in lingering:
            each.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for each in lingering:
            assert each.recv(100).startswith(b"HTTP/1.1 200")
        began = time.monotonic()

        assert client.call("GET", "//health").status == 200

        assert time.monotonic() - began < 5  # it was two seconds for each of them
        for each in lingering:
            each.settimeout(10)
            while each.recv(65_536):
                pass  # and is let go
