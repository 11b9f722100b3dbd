"""Every process of some containers, each proved to be one of theirs before it is signalled."""

import os
import select
import signal
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from tests import audit
from tests.faults.container import Container


class Crowd:
    """Processes, each held by a descriptor: a number that another one has by now is harmless."""

    def __init__(self) -> None:
        """Nobody is in it yet."""
        self._stack = ExitStack()
        self._descriptors: dict[int, int] = {}

    def take_in(self, containers: Iterable[Container], installation: str) -> None:
        """Take in all that these containers are now, with the families of their runs."""
        for container in containers:
            if container.is_alive:
                self._take_in(container.pid, container, installation)
                for child in _below(container.pid):
                    self._take_in(child.pid, container, installation)

    def _take_in(self, pid: int, container: Container, installation: str) -> None:
        with suppress(ProcessLookupError), ExitStack() as stack:
            descriptor = os.pidfd_open(pid)
            stack.callback(os.close, descriptor)
            # Asked for the second time when all is read: what we have read was this very one's.
            if _belongs(pid, container, installation) and not _has_ended(descriptor):
                self._descriptors[descriptor] = pid
                self._stack.enter_context(stack.pop_all())

    def send(self, number: int) -> int:
        """Send all of them a signal; tell how many were there to hear it."""
        heard = 0
        for descriptor in self._descriptors:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(descriptor, number)
                heard += 1
        return heard

    def left(self) -> list[int]:
        """The pids of those that have not ended."""
        return [pid for descriptor, pid in self._descriptors.items() if not _has_ended(descriptor)]

    def close(self) -> None:
        """Let go of all."""
        self._stack.close()


@contextmanager
def crowd() -> Iterator[Crowd]:
    """Make one that is empty."""
    made = Crowd()
    try:
        yield made
    finally:
        made.close()


def _below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _belongs(pid: int, container: Container, installation: str) -> bool:
    """Whether it has the container's own TMPDIR, as keepers have, or a mark or brand."""
    theirs = f"TMPDIR={container.environ()['TMPDIR']}".encode()
    try:
        if theirs in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return True
        return audit.run_of(psutil.Process(pid), installation) is not None
    except (OSError, psutil.Error):
        return False


def _has_ended(descriptor: int) -> bool:
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))
