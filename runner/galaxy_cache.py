"""What ansible-galaxy has installed on this machine, for all runs that require the same.

A home has `installed`, complete or not there, and a lock, which is never removed (that would split
it): shared while a run takes what is installed, exclusive while that is replaced.

Every run has directories of its own with hard links to the files: 48 ms for 4,000 of them, where
copies took 330 to 1,700 ms. So nothing that is replaced or evicted is missed by a run that plays.
Whatever writes to a file in place writes to that of others: a fingerprint tells, and then it is
installed anew for those that come later.
"""

import contextlib
import fcntl
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from runner import git_home
from runner.errors import CheckoutFailed, RequirementsFailed
from runner.eviction import Kept, evict, size
from runner.galaxy_tree import Versions, collections, fingerprint, give, roles
from runner.git_lock import lock

NOTE: Final = "note.json"
RETRY = 300.0  # seconds until a failed renewal is tried again
MOST_BYTES = 5 * 2**30  # on a machine
LONGEST_UNUSED = 30 * 86_400.0  # seconds

#: Installs into a directory; a child that inherits the descriptor goes on holding the lock.
Install = Callable[[Path, int], None]


@dataclass(frozen=True)
class Note:
    """What is installed, and by what it is known to be so still."""

    roles: Versions
    collections: Versions
    fingerprint: str


@dataclass(frozen=True)
class Taken:
    """What a run has got."""

    note: Note
    #: It was installed for this run.
    is_new: bool
    #: Why it could not be renewed, though it was due. None: it was not, or was.
    stale: str | None = None


@dataclass(frozen=True)
class Home:
    """Where one set of requirements is installed."""

    path: Path

    @property
    def installed(self) -> Path:
        """What runs may take."""
        return self.path / "installed"

    def take(self, destination: Path, longest: float, install: Install) -> Taken:
        """Link what is installed to *destination*; install it if it is not.

        What is older than *longest* seconds is installed again; if that fails, it is used once
        more. Of any number of runs that come at once, one installs.
        """
        git_home.make(self.path)
        with self._lock(fcntl.LOCK_SH):
            note = self._note()
            if note is not None and self._age() < longest:
                return self._give(destination, Taken(note, is_new=False))
        with self._lock(fcntl.LOCK_EX) as descriptor:
            self._remove_asides()
            note = self._note()
            taken = Taken(note, is_new=False) if note and self._age() < longest else None
            return self._give(destination, taken or self._renew(note, longest, install, descriptor))

    def evict(self) -> None:
        """Remove what is installed. Raise CheckoutFailed when a run is just taking it."""
        with self._lock(fcntl.LOCK_EX, seconds=0):
            self._put_aside()
            self._remove_asides()

    def last_use(self) -> float:
        """When a run took it last; seconds since the epoch."""
        return self.path.stat().st_mtime

    def _lock(self, mode: int, **limit: float) -> contextlib.AbstractContextManager[int]:
        return lock(self.path / "lock", mode, **limit)

    def _note(self) -> Note | None:
        """Read what is installed. None: nothing, or it is not what it was."""
        try:
            note = Note(**json.loads((self.installed / NOTE).read_text()))
            return note if note.fingerprint == fingerprint(self.installed) else None
        except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
            # A torn note is none, nor is what lies where it or its directory should.
            return None

    def _age(self) -> float:
        return time.time() - (self.installed / NOTE).stat().st_mtime

    def _renew(self, old: Note | None, longest: float, install: Install, descriptor: int) -> Taken:
        """Install aside, then replace. The old one stays when that fails."""
        aside = self._aside()
        aside.mkdir()
        try:
            install(aside, descriptor)
        except RequirementsFailed as error:
            if old is None:
                raise
            again = time.time() - longest + min(longest, RETRY)
            os.utime(self.installed / NOTE, (again, again))
            return Taken(old, is_new=False, stale=str(error))
        note = Note(roles(aside), collections(aside), fingerprint(aside))
        (aside / NOTE).write_text(json.dumps(asdict(note)))
        self._put_aside()
        aside.rename(self.installed)
        self._remove_asides()
        return Taken(note, is_new=True)

    def _give(self, destination: Path, taken: Taken) -> Taken:
        """Link everything, and remember when."""
        give(self.installed, destination)
        os.utime(self.path)
        return taken

    def _aside(self) -> Path:
        return self.path / f"tmp-{uuid.uuid4().hex}"

    def _put_aside(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.installed.rename(self._aside())

    def _remove_asides(self) -> None:
        """Delete what was being made or thrown away. Only for whoever has the lock alone."""
        for aside in self.path.glob("tmp-*"):
            shutil.rmtree(aside, ignore_errors=True)
            with contextlib.suppress(OSError):  # it is gone, or stays until the next time
                aside.unlink()


def tidy(directory: Path, most: int = MOST_BYTES, age: float = LONGEST_UNUSED) -> list[Path]:
    """Evict what no run took for *age* seconds, and the oldest beyond *most* bytes; tell which.

    What is being taken or installed just now stays until the next time.
    """
    homes = [Home(path) for path in directory.iterdir()] if directory.is_dir() else []
    found = (Kept(home.path, home.last_use(), size(home.path)) for home in homes)
    return evict((kept for kept in found if kept.size), most, age, remove=_evict)


def _evict(kept: Kept) -> bool:
    try:
        Home(kept.home).evict()
    except CheckoutFailed:
        return False
    return True
