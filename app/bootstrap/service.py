"""An embedded server: how to start it and how to know that it answers."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from app.bootstrap import guard
from app.bootstrap.children import Child, Children
from app.bootstrap.errors import BootstrapError

READY = 60.0  # seconds; recovery after a kill -9 reads the whole write-ahead log


@dataclass(frozen=True)
class Service:
    """A server of ours, not started yet."""

    #: Also its kind in guard.LADDERS.
    name: str
    command: list[str]
    #: What clients are given.
    url: str
    log: Path
    #: Whether the server with this process number answers.
    is_ready: Callable[[int], bool]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


def start(service: Service, children: Children) -> Child:
    """Start *service*, writing to its log."""
    with service.log.open("ab") as log:
        return children.start(service.name, service.command, env=service.environment, output=log)


def wait_until_ready(service: Service, child: Child) -> None:
    """Return when it answers. Raise BootstrapError with its last words when it does not."""
    deadline = time.monotonic() + READY
    while not service.is_ready(child.process.pid):
        if not guard.is_alive(child.member) or time.monotonic() > deadline:
            words = service.log.read_text(errors="replace").splitlines()[-10:]
            complaint = f"{service.name} did not start: see above and {service.log}"
            raise BootstrapError("\n".join([*words, complaint]))
        time.sleep(0.005)


def accepts(path: Path, message: bytes = b"") -> bytes | None:
    """Connect to the Unix socket and return the answer to *message*. None: nobody is there."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1.0)
        try:
            client.connect(str(path))
            client.sendall(message)
            return client.recv(1024) if message else b""
        except OSError:
            return None


def end_predecessor(pid_file: Path, folder: Path, kind: str) -> int | None:
    """End the server that a killed command *and* its killed guard left on *folder*.

    Return the number in *pid_file* if it belongs to a stranger by now, else None.
    """
    try:
        pid = abs(int(pid_file.read_text().split("\n")[0] or 0))
        if pid in (0, os.getpid()) or not (member := guard.watch(pid)):
            return None
    except (FileNotFoundError, ValueError):
        return None
    try:
        if Path(psutil.Process(pid).cwd()) != folder.resolve():
            return pid
        guard.stop([member], guard.LADDERS[kind])
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return pid
    finally:
        os.close(member.pidfd)
    return None
