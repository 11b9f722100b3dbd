"""Servers of one test's own, to be taken away and brought back."""

import atexit
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import psutil

from app.bootstrap import postgres, service, valkey
from app.bootstrap.children import Child, Children
from app.bootstrap.service import Service


class Server:
    """A real server that can be away."""

    def __init__(self, described: Service, children: Children, halt: signal.Signals) -> None:
        self.url = described.url
        self._service = described
        self._children = children
        self._halt = halt
        self._child: Child | None = None

    def start(self) -> None:
        """Start it, or bring it back."""
        self._child = service.start(self._service, self._children)
        service.wait_until_ready(self._service, self._child)

    def start_without_waiting(self) -> None:
        """Start it as what never says that it is ready: a standby."""
        self._child = service.start(self._service, self._children)

    def freeze(self) -> None:
        """Let it accept connections and answer nothing, as behind a black hole."""
        assert self._child is not None
        self._child.process.send_signal(signal.SIGSTOP)

    def freeze_all(self) -> None:
        """Freeze those too who serve the connections that there are."""
        self.freeze()
        for each in self._servants():
            with suppress(psutil.NoSuchProcess):  # it was about to end
                each.suspend()

    def thaw(self) -> None:
        """Let it go on."""
        assert self._child is not None
        self._child.process.send_signal(signal.SIGCONT)
        for each in self._servants():
            with suppress(psutil.NoSuchProcess):
                each.resume()

    def _servants(self) -> list[psutil.Process]:
        assert self._child is not None
        return psutil.Process(self._child.process.pid).children(recursive=True)

    def stop(self) -> None:
        """Take it away."""
        assert self._child is not None
        self._child.process.send_signal(self._halt)
        self._children.finish(self._child)


@cache
def _blank_cluster() -> Path:
    """A cluster that nobody has used: to make one takes a core for seconds, a copy hardly any."""
    folder = Path(tempfile.mkdtemp(prefix="curtain-cluster-"))
    atexit.register(shutil.rmtree, folder)
    with Children() as children:
        postgres.prepare(folder / "pg", folder, children)
    return folder / "pg"


@contextmanager
def own_servers() -> Iterator[tuple[Server, Server]]:
    """A Postgres and a Valkey, running."""
    folder = Path(tempfile.mkdtemp(prefix="curtain-servers-"))
    try:
        with Children() as children:
            subprocess.run(["cp", "-a", _blank_cluster(), folder / "pg"], check=True)
            prepared = postgres.prepare(folder / "pg", folder, children, "fsync=off")
            database = Server(prepared, children, signal.SIGINT)
            cache = Server(valkey.prepare(folder / "redis", folder), children, signal.SIGTERM)
            for server in (database, cache):
                server.start()
            yield database, cache
    finally:
        shutil.rmtree(folder)
