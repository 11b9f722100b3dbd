"""What a runner keeps families together with: a cgroup where one can be had, else descent and mark.

Whether a group can be had is not asked but tried, with a child of our own: a mount may be
read-only, the directory another user's, the hierarchy of a kind that takes no processes.
"""

import logging
import os
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from runner.cgroup import Group, name_of
from runner.hierarchy import Hierarchy, mounted

log = logging.getLogger(__name__)

SUBREAPER = "subreaper"
PATIENCE = 1.0  # seconds until the group of a child that was killed must be empty
GLANCE = 0.005  # seconds between two looks at it


@dataclass(frozen=True)
class Containment:
    """How a runner's families are contained."""

    #: "cgroup v2", "cgroup v1" or "subreaper".
    kind: str
    #: The group below which those of runs are made. None without.
    parent: Path | None = None

    def group(self, installation: str, name: str) -> Group | None:
        """Mean the group of the run whose directory has that name. None without cgroups."""
        return Group(self.parent / name_of(installation, name)) if self.parent else None


def find_containment(setting: str) -> Containment:
    """Try each hierarchy, best first, unless *setting* is "off"."""
    for hierarchy in mounted() if setting == "auto" else ():
        fault = try_out(hierarchy)
        if fault is None:
            return Containment(hierarchy.kind, Path(str(hierarchy.own)))
        log.info("families cannot be held in %s: %s", hierarchy, fault)
    return Containment(SUBREAPER)


def try_out(hierarchy: Hierarchy) -> str | None:
    """Make a group, put a child there, kill it by it and remove it. Tell what failed."""
    if hierarchy.own is None:
        return "this process is outside of what is mounted"
    group = Group(Path(hierarchy.own) / f"curtain-trial-{secrets.token_hex(4)}")
    try:
        os.mkdir(group.directory)
        return _try_child(group)
    except OSError as error:
        return str(error)
    finally:
        group.remove()


def _try_child(group: Group) -> str | None:
    waiting = [sys.executable, "-I", "-S", "-c", "input()"]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        try:
            group.put(child.pid)
            if child.pid not in [member.pid for member in group.members()]:
                return "a child was put there and is not listed"
            group.kill()
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return "a child that was killed there lives on"
        finally:
            child.kill()
    return None if _falls_empty(group) else "it stays populated when all in it have died"


def _falls_empty(group: Group) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not group.is_empty():
        if time.monotonic() > deadline:
            return False
        time.sleep(GLANCE)
    return True
