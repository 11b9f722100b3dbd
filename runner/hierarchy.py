"""Which cgroup hierarchies are mounted, and where in each of them this process is.

Version 2 has one, version 1 one for each controller, a hybrid machine both. Standard library only.
"""

import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

V2 = "cgroup v2"
V1 = "cgroup v1"
#: Controllers of version 1 of which any will do, best first: the freezer stops who forks faster
#: than we kill, and systemd moves nobody about in it or in pids, as it does in its own.
CONTROLLERS = ("freezer", "pids", "name=systemd")
ESCAPED = re.compile(r"\\([0-7]{3})")  # a blank in a path of mountinfo is \040


class Hierarchy(NamedTuple):
    """One cgroup hierarchy as this process sees it."""

    #: "cgroup v2" or "cgroup v1".
    kind: str
    #: The controller that it was chosen for; empty in version 2.
    controller: str
    #: The directory where it is mounted: all of it, or the part that a container may see.
    mount: str
    #: The directory of this process' own group. None if it is outside of what is mounted.
    own: str | None

    def __str__(self) -> str:
        """Name it as an operator does."""
        return f"{self.kind} {self.controller} at {self.mount}".replace("  ", " ")


@cache
def mounted() -> tuple[Hierarchy, ...]:
    """Look at what was mounted, and where we were, when it was asked first; best first."""
    try:
        return tuple(parse(_read("/proc/self/cgroup"), _read("/proc/self/mountinfo")))
    except OSError:  # a kernel without cgroups
        return ()


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def parse(groups: str, mounts: str) -> list[Hierarchy]:
    """Read a process' cgroup and mountinfo; what could hold a family, best first."""
    paths = dict(_paths(groups))
    found = [
        Hierarchy(kind, controller, mount, _own(paths.get(controller), root, mount))
        for kind, controller, root, mount in _mounts(mounts.splitlines())
    ]
    order = ("", *CONTROLLERS)
    return sorted(found, key=lambda hierarchy: order.index(hierarchy.controller))


def _paths(groups: str) -> Iterator[tuple[str, str]]:
    """Tell the path of the process in each hierarchy, by controller; by "" in version 2."""
    for line in groups.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _mounts(lines: Iterable[str]) -> Iterator[tuple[str, str, str, str]]:
    """Tell kind, controller, root and mount point of each mounted hierarchy that is of use."""
    for line in lines:
        before, _, after = line.partition(" - ")
        root, mount = (_unescape(field) for field in before.split()[3:5])
        kind, *_, options = after.split()
        if kind == "cgroup2":
            yield V2, "", root, mount
        elif kind == "cgroup":
            ours = set(options.split(",")).intersection(CONTROLLERS)
            yield from ((V1, controller, root, mount) for controller in ours)


def _unescape(field: str) -> str:
    return ESCAPED.sub(lambda match: chr(int(match[1], 8)), field)


def _own(path: str | None, root: str, mount: str) -> str | None:
    """Find the directory of a group whose *path*, as the *root* of the mount, is the namespace's.

    None if it is not below: a container that sees the mount of its machine, or a group that lies
    outside of its namespace ("/..").
    """
    if path is None or ".." in path.split("/") or ".." in root.split("/"):
        return None
    if os.path.commonpath([path, root]) != root:
        return None
    return os.path.normpath(os.path.join(mount, os.path.relpath(path, root)))
