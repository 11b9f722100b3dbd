"""The place of one store on this machine: its name, its locks, and what is put aside there. No git.

    CACHE/<32 hex digits>/
        store.git               the bare repository; see runner.git_store
        gate.lock, use.lock     shared while it is read, exclusive while it is replaced or evicted
        fetch.lock              whoever has it may delete what a dead git left behind
        tmp-…                   being made or thrown away, by whoever has fetch.lock

The locks are taken in this order, and never removed: that would split them. The directory's mtime
tells when the store was last of use.
"""

import contextlib
import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from runner.git_lock import BUSY_SECONDS, lock

STORE: Final = "store.git"
#: What the directories of stores are called: others may lie beside them.
NAME: Final = re.compile(r"[0-9a-f]{32}")


def make(home: Path) -> None:
    """Make the directory; what lies in its place and is none goes."""
    if home.is_dir():
        return
    try:
        home.mkdir(0o700, parents=True, exist_ok=True)
    except FileExistsError:
        with contextlib.suppress(IsADirectoryError):  # another run has made it meanwhile
            home.unlink(missing_ok=True)
        home.mkdir(0o700, exist_ok=True)


@contextlib.contextmanager
def use(home: Path, mode: int = fcntl.LOCK_SH, seconds: float = BUSY_SECONDS) -> Iterator[None]:
    """Share the store with others that read it, or have it alone (LOCK_EX).

    Whoever waits to have it alone holds the gate, so that a stream of readers cannot starve it.
    """
    with contextlib.ExitStack() as held:
        with lock(home / "gate.lock", mode, seconds):
            held.enter_context(lock(home / "use.lock", mode, seconds))
        yield


def fetching(home: Path, seconds: float = BUSY_SECONDS) -> contextlib.AbstractContextManager[int]:
    """Be the only one who changes the store; yields a descriptor for git to inherit."""
    return lock(home / "fetch.lock", fcntl.LOCK_EX, seconds)


def aside(home: Path) -> Path:
    """Name a new place for what is made or thrown away."""
    return home / f"tmp-{uuid.uuid4().hex}"


def remove_asides(home: Path) -> None:
    """Delete what was being made or thrown away. Only for whoever has fetch.lock."""
    for each in home.glob("tmp-*"):
        with contextlib.suppress(OSError):  # what stays is tried again next time
            remove(each)


def remove(path: Path) -> None:
    """Remove whatever is at *path*; a symlink itself, never what it leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def put_aside(home: Path) -> None:
    """Take the store away, whatever it is; all of it or nothing."""
    with contextlib.suppress(FileNotFoundError):
        os.rename(home / STORE, aside(home))
