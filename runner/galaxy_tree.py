"""A directory that ansible-galaxy has installed into: what is in it, and how a run gets it."""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Final

KINDS: Final = ("roles", "collections")
#: Another disk, too many links to one file, a disk without links.
UNLINKABLE: Final = (errno.EXDEV, errno.EMLINK, errno.EPERM)
VERSION: Final = re.compile(r"^version: *'?([^'\n]+)'?$", re.MULTILINE)

#: Versions by name; null where none is told.
Versions = dict[str, str | None]


def give(tree: Path, destination: Path) -> None:
    """Make *destination* another tree of the same files."""
    for kind in KINDS:
        shutil.copytree(tree / kind, destination / kind, symlinks=True, copy_function=link)


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
        name = entry.path.removeprefix(str(directory))
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
