"""The data directory: who may use it, and the secrets that are made once and kept in it."""

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.bootstrap.errors import BootstrapError
from app.bootstrap.terminal import say

PREDECESSOR = 40.0  # seconds; a guard needs 8 + 5 + 11 at the worst


def open_directory(path: Path) -> Path:
    """Make the directory, for its owner only, and return its absolute path."""
    path = path.absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BootstrapError(
            f"cannot make {path} ({error.strerror}): set CURTAIN_DATA to a directory of yours"
        ) from error
    return path


@contextmanager
def owned(directory: Path) -> Iterator[int]:
    """Own *directory*: give the lock for the guard, which outlives a killed owner.

    Raise BootstrapError when another command owns it.
    """
    with (directory / "lock").open("a+") as owner, (directory / "guard-lock").open("a") as guard:
        _own(directory, owner.fileno())
        owner.truncate(0)
        owner.write(f"{os.getpid()}\n")
        owner.flush()
        _wait_for_predecessor(guard.fileno())
        yield guard.fileno()


def is_owned(directory: Path) -> bool:
    """Whether a command runs on *directory*."""
    try:
        with (directory / "lock").open() as owner:
            return not _try_lock(owner.fileno())
    except FileNotFoundError:
        return False


def has_changed(path: Path) -> bool:
    """Whether *path* may have changed since whoever owns its directory began."""
    return path.stat().st_ctime_ns >= (path.parent / "lock").stat().st_mtime_ns


def _own(directory: Path, lock: int) -> None:
    if not _try_lock(lock):
        pid = (directory / "lock").read_text().strip()
        raise BootstrapError(
            f"Curtain already runs on {directory} (process {pid}): stop it, "
            "or give this one its own CURTAIN_DATA and PORT"
        )


def _wait_for_predecessor(lock: int) -> None:
    """Wait until the guard of a killed predecessor has ended its processes."""
    deadline = time.monotonic() + PREDECESSOR
    if not _try_lock(lock):
        say("waiting for the processes of the one before to end")
    while not _try_lock(lock):
        if time.monotonic() > deadline:
            raise BootstrapError("processes of the one before do not end: see `ps -ef`")
        time.sleep(0.05)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def kept_secret(path: Path) -> str:
    """Read the secret at *path*; make it first if it is not there. Only its owner can read it."""
    if not path.exists():
        _keep(path, secrets.token_urlsafe(32))
    return path.read_text().strip()


def renewed_secret(path: Path) -> str | None:
    """Put a new secret before the one at *path*, and a comma between. None: there are two by now.

    The old one is in the file all the time, whoever is killed or asks for it at once.
    """
    with _alone(path.parent):
        kept = path.read_text().strip()
        if "," in kept:
            return None
        both = f"{secrets.token_urlsafe(32)},{kept}"
        _keep(path, both)
        return both


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _keep(path: Path, secret: str) -> None:
    """Write the file whole or not at all: without it nothing that it has sealed can be read."""
    part = path.with_suffix(".part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(descriptor)
    part.rename(path)
