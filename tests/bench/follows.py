"""From a line that a playbook prints to the followers that have read it."""

import re
import selectors
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.figures import Figure, times
from tests.bench.size import Size
from tests.bench.stack import ROOT, TOKEN, Stack, open_stack
from tests.playbooks import CONFIG, HELLO
from tests.ports import free_port
from tests.repositories import Repository
from tests.waiting import wait_until

PAUSE = 0.05  # seconds between two lines
PATIENCE = 30.0  # seconds without any line
STAMP = re.compile(rb"stamp (\d+)\.")
#: Waits until everybody follows, then prints the time again and again, and nothing else does.
STAMPING = """
import os, time
from ansible.plugins.callback import CallbackBase

class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "noise"

    def v2_playbook_on_start(self, playbook):
        while not os.path.exists({gate!r}):
            time.sleep(0.01)
        for _ in range({lines}):
            os.write(1, b"stamp %d.\\n" % time.monotonic_ns())
            time.sleep({pause})
"""


def measure(size: Size) -> list[Figure]:
    """Follow a run that prints twenty lines a second, by ever more."""
    with open_stack(CURTAIN_FOLLOWERS="1000") as stack:
        return [_figure(stack, followers, size.lines) for followers in size.followers]


def _figure(stack: Stack, followers: int, lines: int) -> Figure:
    ours = follow(stack, followers, lines)
    floor = _floor(stack, followers, lines)
    return times(f"a line printed → read by {followers} followers", ours, floor)


def follow(stack: Stack, followers: int, lines: int) -> list[float]:
    """Seconds from each line to each follower, of a run of its own."""
    gate = Path(tempfile.mkdtemp(dir=stack.folder)) / "gate"
    tree = stack.declare(HELLO)
    plugin = STAMPING.format(gate=str(gate), lines=lines, pause=PAUSE)
    Repository(tree).commit({"plugins/noise.py": plugin, "ansible.cfg": CONFIG})
    run_id = stack.trigger_run()
    request = (
        f"GET /api/v1/runs/{run_id}/output HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {TOKEN}\r\n\r\n"
    ).encode()
    wait_until(lambda: stack.call("GET", f"/runs/{run_id}")["phase"] == "playing", timeout=60)
    seen = _read(stack.port, followers, lines, request, begin=gate.touch)
    wait_until(lambda: stack.is_final(run_id), timeout=60)
    return seen


def _floor(stack: Stack, followers: int, lines: int) -> list[float]:
    """A program that writes the same lines straight to as many connections."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.broadcast", *map(str, (port, followers, lines))]
    with (stack.folder / "broadcast.log").open("ab") as log:
        stack.children.start("app", command, env=stack.environ, cwd=ROOT, output=log)
    wait_until(lambda: _listens(port), timeout=30)
    return _read(port, followers, lines, b"\r\n", begin=lambda: None)


def _listens(port: int) -> bool:
    listening = f":{port:04X} 00000000:0000 0A"
    with open("/proc/net/tcp") as connections:
        return any(listening in line for line in connections)


def _read(
    port: int, followers: int, lines: int, request: bytes, *, begin: Callable[[], None]
) -> list[float]:
    """Read as all of them, and tell how old each line was for each; *begin* when all are there."""
    with selectors.DefaultSelector() as selector:
        everybody = [_connect(port, request) for _ in range(followers)]
        for one in everybody:
            selector.register(one, selectors.EVENT_READ, bytearray())
        begin()
        seen: list[float] = []
        while len(seen) < lines * followers:
            ready = selector.select(PATIENCE)
            if not ready:
                raise RuntimeError(f"{len(seen)} of {lines * followers} lines came")
            for key, _ in ready:
                chunk = key.fileobj.recv(65_536)  # type: ignore[union-attr]
                now = time.monotonic_ns()
                if not chunk:
                    raise RuntimeError("a follower was left alone")
                seen += ((now - at) / 1e9 for at in _stamps(key.data, chunk))
        for one in everybody:
            one.close()
    return seen


def _connect(port: int, request: bytes) -> socket.socket:
    one = socket.create_connection(("127.0.0.1", port), PATIENCE)
    one.sendall(request)
    return one


def _stamps(rest: bytearray, chunk: bytes) -> list[int]:
    """The times in what has come; what is not complete is kept in *rest*."""
    rest += chunk
    found = list(STAMP.finditer(bytes(rest)))
    if found:
        del rest[: found[-1].end()]
    return [int(each[1]) for each in found]
