"""Which of a machine's caches goes: what nobody has used for long, and the oldest of too many."""

import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

BLOCK = 512  # bytes, the unit of st_blocks (POSIX)


@dataclass(frozen=True)
class Kept:
    """One entry of a cache as it was found."""

    home: Path
    #: When a run last wanted it; seconds since the epoch.
    used_at: float
    #: Bytes on disk, with what was put aside.
    size: int


def evict(
    entries: Iterable[Kept],
    most: int,
    age: float,
    remove: Callable[[Kept], bool],
    spare: Callable[[Kept], None] = lambda _: None,
) -> list[Path]:
    """Remove what was not used for *age* seconds, and the oldest beyond *most* bytes; tell which.

    *remove* tells whether it could; *spare* is called with those that may stay.
    """
    oldest = sorted(entries, key=lambda kept: kept.used_at)
    total = sum(kept.size for kept in oldest)
    evicted = []
    for kept in oldest:
        unused = time.time() - kept.used_at
        if unused <= age and total <= most:
            spare(kept)
        elif remove(kept):
            total -= kept.size
            evicted.append(kept.home)
            log.info("%s is evicted: %d bytes, unused for %d s", kept.home, kept.size, unused)
    return evicted


def size(directory: Path) -> int:
    """Sum up the bytes on the disk of all that is below; what vanishes meanwhile has none."""
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(parent, name)).st_blocks * BLOCK
    return total
