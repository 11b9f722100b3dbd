"""How much memory a runner may still use: its container's, or its machine's if that is less."""

from pathlib import Path
from typing import Final

import psutil

MB: Final = 1_000_000
#: Of version 2 and of version 1: the limit, what is used, and what of that can be had back.
FILES: Final = (
    ("memory.max", "memory.current", "memory.stat", "inactive_file"),
    (
        "memory/memory.limit_in_bytes",
        "memory/memory.usage_in_bytes",
        "memory/memory.stat",
        "total_inactive_file",
    ),
)
CGROUPS: Final = Path("/sys/fs/cgroup")


def available(cgroups: Path = CGROUPS) -> int:
    """Bytes that can be taken before something is killed for it."""
    machine = int(psutil.virtual_memory().available)
    return min(machine, *(_left(cgroups, *names) for names in FILES), machine)


def has_room(free: int, young: int, each: int) -> bool:
    """Whether another run that takes *each* bytes fits, with *young* ones yet to grow to that."""
    return each == 0 or free >= each * (young + 1)


def _left(folder: Path, limit: str, used: str, stat: str, reclaimable: str) -> int:
    """What a container has left; no limit is more than any machine has."""
    try:
        most, now = int((folder / limit).read_text()), int((folder / used).read_text())
        pairs = (line.split() for line in (folder / stat).read_text().splitlines())
        back = next((int(value) for name, value in pairs if name == reclaimable), 0)
    except (OSError, ValueError):  # there is none, or it says `max`
        return 2**63
    return max(0, most - now + back)
