"""Locks between the processes of one machine: flock, freed by the kernel when its owner dies."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from runner.errors import CheckoutFailed

BUSY_SECONDS = 600.0  # as long as a fetch may take
INTERVAL = 0.01  # seconds between two tries


@contextlib.contextmanager
def lock(path: Path, mode: int = fcntl.LOCK_EX, seconds: float = BUSY_SECONDS) -> Iterator[int]:
    """Hold *path* and yield its descriptor. A child that inherits it goes on holding it.

    Raise CheckoutFailed when others hold it for *seconds*.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        acquire(descriptor, mode, time.monotonic() + seconds)
        yield descriptor
    finally:
        os.close(descriptor)


def acquire(descriptor: int, mode: int, deadline: float) -> None:
    """Wait for a flock until *deadline*. Raise CheckoutFailed when others hold it that long."""
    while True:
        try:
            return fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                busy = "other runs have been busy with this repository for too long: try again"
                raise CheckoutFailed(busy, "cache_busy") from None
            time.sleep(INTERVAL)
