"""Which machine this is, and whether a process that called itself so still lives on it."""

import os
import re
import secrets
from functools import cache
from pathlib import Path

from runner import linux

NAME = re.compile(r"(?P<machine>.+)\.(?P<pid>\d+)\.(?P<created>\d+)\.[0-9a-f]{8}")
#: Containers count pids, and some sandboxes start times too, from their own beginning: an old and a
#: new one that overlap may have all of machine, pid and start time in common.
UNIQUE = secrets.token_hex(4)


@cache
def boot() -> str:
    """Boot id and PID namespace: a pid means nothing under another one."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot_id}/{os.stat('/proc/self/ns/pid').st_ino}"


def process_name(machine: str) -> str:
    """A name for this process that no other process can have: machine, pid, start time, chance."""
    return f"{machine}.{os.getpid()}.{_created(os.getpid())}.{UNIQUE}"


def process_is_alive(name: str) -> bool:
    """Whether the process of that name lives here. Only for a name of this very boot.

    One that is there and cannot be looked at, as when there is no file to be had, counts as alive:
    for a dead one its runs would be ended.
    """
    match = NAME.fullmatch(name)
    if match is None:
        return False
    pid = int(match["pid"])
    try:
        process = linux.read(pid)
    except OSError:
        process = None  # out of files
    if process is None:
        return linux.is_there(pid)
    return process.is_alive and process.created == int(match["created"])


def _created(pid: int) -> int | None:
    process = linux.read(pid)
    return process.created if process is not None and process.is_alive else None
