"""The Procfile's web and runner as a platform starts them: two containers that share nothing."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.ports import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "t" * 32


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """A caller of the API."""

    def __init__(self, port: int, token: str = TOKEN) -> None:
        self.port = port
        self._headers = {"Authorization": f"Bearer {token}"}

    def connect(self) -> http.client.HTTPConnection:
        """Make a connection for one request."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Send one request below /api/v1, or from the top when *path* says so with two slashes."""
        connection = self.connect()
        try:
            data = None if body is None else json.dumps(body).encode()
            typed = {} if body is None else {"Content-Type": "application/json"}
            target = path[1:] if path.startswith("//") else f"/api/v1{path}"
            connection.request(method, target, data, {**self._headers, **typed, **headers})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    @contextmanager
    def follow(self, run_id: int, **headers: str) -> Iterator[Iterator[dict[str, str]]]:
        """The server-sent events of a run's output."""
        connection = self.connect()
        try:
            accept = {**self._headers, "Accept": "text/event-stream", **headers}
            connection.request("GET", f"/api/v1/runs/{run_id}/output", headers=accept)
            yield _events(connection.getresponse())
        finally:
            connection.close()


def _events(answer: http.client.HTTPResponse) -> Iterator[dict[str, str]]:
    event: dict[str, str] = {}
    for line in answer:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            event[name] = value
        elif "event" in event:
            yield event
            event = {}
        else:
            event = {}


class Formation:
    """Processes of the Procfile, each started in its own environment."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        self._environ = environ
        self._folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.port = self._chosen = 0

    def choose_port(self) -> None:
        """Say where the next web will be, before it is."""
        self.port = self._chosen = free_port()

    def start_web(self, **environ: str) -> Client:
        """A web container: no git, no ansible, no directory of the runner's."""
        self.port, self._chosen = self._chosen or free_port(), 0
        programs = self._folder / "web-programs"
        programs.mkdir(exist_ok=True)
        for program in ("python", "gunicorn"):
            link = programs / program
            link.unlink(missing_ok=True)
            link.symlink_to(Path(sys.executable).with_name(program))
        web = {"PORT": str(self.port), "HOST": "127.0.0.1", "PATH": f"{programs}:/nonexistent"}
        self._start("web", **web, CURTAIN_DATA=str(self._folder / "web"), **environ)
        client = Client(self.port)
        wait_until(lambda: _is_answering(client))
        return client

    def start_runner(self, **environ: str) -> subprocess.Popen[bytes]:
        """A runner container."""
        return self._start("runner", **environ)

    def start_watchdog(self) -> subprocess.Popen[bytes]:
        """A watchdog in a container of its own."""
        return self._start("watchdog")

    def _start(self, name: str, **environ: str) -> subprocess.Popen[bytes]:
        lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        shell = shutil.which("sh")
        assert shell is not None
        with (self._folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [shell, "-c", lines[name]],
                cwd=ROOT,
                env={"PATH": path, "HOME": os.environ["HOME"], **self._environ, **environ},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """As a platform does it: SIGTERM to all, SIGKILL after 30 seconds."""
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        ends = [(process.args, process.wait(timeout=30)) for process in self.processes]
        self.processes.clear()
        assert not any(code for _, code in ends), ends
        for log in sorted(self._folder.glob("*.log")):
            print(f"--- {log.name}\n{log.read_text()}")


def _is_answering(client: Client) -> bool:
    try:
        return client.call("GET", "//health").status == 200
    except ConnectionError:
        return False
