"""How a process tells which run it belongs to: a mark in its environment, a brand in its limits.

A task can drop the mark (`env -i`, sudo). The brand is the soft RLIMIT_LOCKS: without effect since
Linux 2.4.25, inherited by fork and exec, readable for everyone. Only pam_limits takes it off.
"""

import re
import resource

from runner import linux

RUN = "CURTAIN_RUN"
INSTALLATION = "CURTAIN_INSTALLATION"
#: Anybody can write into an environment, and Python refuses to read a number of 4,301 digits.
RUN_ID = re.compile(rb"[0-9]{1,18}")
RLIMIT_LOCKS = 10  # <asm-generic/resource.h>; the resource module does not name it


def mark(run_id: int, installation: str) -> dict[str, str]:
    """Make the environment variables that every process of a run carries."""
    return {RUN: str(run_id), INSTALLATION: installation}


def brand(run_id: int, installation: str) -> int:
    """Make the number that every process of a run carries; always below RLIM_INFINITY."""
    return (int(installation, 16) & 0x7FFFFFFF) << 32 | run_id & 0xFFFFFFFF


def wear(number: int) -> None:
    """Brand this process and all that it will start, unless its hard limit was lowered below."""
    _, hard = resource.getrlimit(RLIMIT_LOCKS)
    if hard == resource.RLIM_INFINITY or number <= hard:
        resource.setrlimit(RLIMIT_LOCKS, (number, hard))


def is_worn(number: int) -> bool:
    """Whether this process is branded so: what was not executed has no other mark to be read."""
    return resource.getrlimit(RLIMIT_LOCKS)[0] == number


def run_of(pid: int, installation: str) -> int | None:
    """Tell which run of *installation* a process belongs to. None if to none."""
    branded = _read_brand(pid)
    if branded is not None and branded >> 32 == brand(0, installation) >> 32:
        return branded & 0xFFFFFFFF
    return _read_mark(pid, installation)


def _read_brand(pid: int) -> int | None:
    limits = linux.contents(pid, "limits")
    at = limits.find(b"Max file locks")
    if at < 0:
        return None
    soft = limits[at:].split(None, 4)[3]
    return int(soft) if soft.isdigit() else None  # "unlimited"


def _read_mark(pid: int, installation: str) -> int | None:
    environment = linux.contents(pid, "environ")
    if installation.encode() not in environment:
        return None
    pairs = dict(entry.partition(b"=")[::2] for entry in environment.split(b"\0"))
    run_id = pairs.get(RUN.encode(), b"")
    is_ours = pairs.get(INSTALLATION.encode()) == installation.encode()
    return int(run_id) if is_ours and RUN_ID.fullmatch(run_id) else None
