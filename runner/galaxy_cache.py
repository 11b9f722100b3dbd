"""What ansible-galaxy has installed on this machine, for all runs that require the same.

A home has `installed`, complete or not there, and a lock, which is never removed (that would split
it): shared while a run takes what is installed, exclusive while that is replaced.

Every run has directories of its own with hard links to the files: 48 ms for 4,000 of them, where
copies took 330 to 1,700 ms. So nothing that is replaced or evicted is missed by a run that plays.
Whatever writes to a file in place writes to that of others: a fingerprint tells, and then it is
installed anew for those that come later.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Final

from runner.errors import CheckoutFailed, RequirementsFailed
from runner.git_lock import lock

NOTE: Final = "note.json"
KINDS: Final = ("roles", "collections")
RETRY = 300.0  # seconds until a failed renewal is tried again
#: Another disk, too many links to one file, a disk without links.
UNLINKABLE: Final = (errno.EXDEV, errno.EMLINK, errno.EPERM)
VERSION: Final = re.compile(r"^version: *'?([^'\n]+)'?$", re.MULTILINE)

#: Versions by name; null where none is told.
Versions = dict[str, str | None]
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
        self.path.mkdir(0o700, parents=True, exist_ok=True)
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
        except (FileNotFoundError, ValueError, TypeError):  # a torn note is none
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
        for kind in KINDS:
            here, there = self.installed / kind, destination / kind
            shutil.copytree(here, there, symlinks=True, copy_function=link)
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


def link(source: str, destination: str) -> None:
    """Make a second name of a file, or a copy where there can be none."""
    try:
        os.link(source, destination, follow_symlinks=False)
    except OSError as error:
        if error.errno not in UNLINKABLE:
            raise
        shutil.copy2(source, destination, follow_symlinks=False)


def fingerprint(directory: Path) -> str:
    """Sum up names, sizes, modes and times: what was written to, cut short or lost has another."""
    found = hashlib.sha256()
    for entry in chain.from_iterable(_entries(str(directory / kind)) for kind in KINDS):
        known = entry.stat(follow_symlinks=False)
        name = os.path.relpath(entry.path, directory)
        line = f"{name}\0{known.st_mode}\0{known.st_size}\0{known.st_mtime_ns}\n"
        found.update(line.encode(errors="surrogateescape"))
    return found.hexdigest()


def _entries(directory: str) -> Iterator[os.DirEntry[str]]:
    """All that is below, in the order of names."""
    for entry in sorted(os.scandir(directory), key=lambda each: each.name):
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path)


def roles(installed: Path) -> Versions:
    """Tell which roles are there."""
    notes = {path.name: path / "meta/.galaxy_install_info" for path in installed.glob("roles/*")}
    versions = {name: VERSION.search(read(note)) for name, note in sorted(notes.items())}
    return {name: found[1] if found else None for name, found in versions.items()}


def collections(installed: Path) -> Versions:
    """Tell which collections are there."""
    pattern = "collections/ansible_collections/*/*/MANIFEST.json"
    versions = {}
    for file in sorted(installed.glob(pattern)):
        told = json.loads(read(file)).get("collection_info", {})
        versions[f"{file.parts[-3]}.{file.parts[-2]}"] = told.get("version")
    return versions


def read(file: Path) -> str:
    """Read a text; nothing if there is none."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def tidy(directory: Path, longest: float, most: int) -> list[str]:
    """Evict what no run took for *longest* seconds, and the oldest of more than *most* bytes.

    Return the names of what went. What is in use just now stays until the next time.
    """
    homes = [Home(path) for path in directory.iterdir()] if directory.exists() else []
    sizes = {home: size(home.installed) for home in homes if home.installed.exists()}
    total = sum(sizes.values())
    evicted = []
    for home in sorted(sizes, key=Home.last_use):
        if time.time() - home.last_use() > longest or total > most:
            with contextlib.suppress(CheckoutFailed):
                home.evict()
                total -= sizes[home]
                evicted.append(home.path.name)
    return evicted


def size(directory: Path) -> int:
    """Sum up the bytes on the disk of all that is below; what vanishes meanwhile has none."""
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512
    return total
