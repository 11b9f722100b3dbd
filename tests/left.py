"""What is left below the directory of runs."""

import fcntl
from contextlib import suppress
from pathlib import Path

from runner.zygote_handle import LOCK, PREFIX


def left_directories(runs: Path) -> list[Path]:
    """All that are there, but for those of zygotes whose runner lives."""
    return [path for path in runs.glob("*/*") if not is_held(path)]


def is_held(directory: Path) -> bool:
    """Whether a living runner holds it as a zygote's."""
    if not directory.name.startswith(PREFIX):
        return False
    with suppress(FileNotFoundError), (directory / LOCK).open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
