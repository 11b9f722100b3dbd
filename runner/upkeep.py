"""The upkeep of the Git cache: stores that nobody has used for long go, and the oldest of too many.

Files and locks only, in a thread of each runner, beside its loop and its watchdog. A store that was
evicted is fetched again by the next run that wants it; whoever dies in between leaves a store, or
what the next fetch or round deletes. Packs are joined by the runs: see runner.git_store.
"""

import fcntl
import logging
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

from runner import galaxy_cache, git_home
from runner.disks import Disks
from runner.errors import CheckoutFailed
from runner.eviction import Kept, evict, size
from runner.git_lock import lock
from runner.settings import Settings

log = logging.getLogger(__name__)

PAUSE = 600.0  # seconds between two rounds: a cache may be too large for that long
MOST_BYTES = 20 * 2**30  # unless the setting says otherwise
SHARE = 3  # at most a third of the disk: live runs have their trees there too


def keep_up(settings: Settings, closing: threading.Event, disks: Disks) -> None:
    """Do rounds until *closing* is set; measure what is on the *disks* in each."""
    while not closing.is_set():
        try:
            tidy(settings.git_directory, settings.git_cache_size, settings.git_cache_age)
            galaxy_cache.tidy(settings.galaxy_directory)
            disks.measure()
        except Exception:
            log.exception("the caches could not be tidied")
        closing.wait(PAUSE)


def tidy(cache: Path, most: int | None = None, age: float = float("inf")) -> list[Path]:
    """Evict what was not used for *age* seconds, and the oldest beyond *most* bytes; tell which.

    One at a time on a machine: whoever finds another at it leaves it to that one.
    """
    if not cache.is_dir():
        return []
    try:
        with lock(cache / "upkeep.lock", seconds=0):
            most = size_limit(cache) if most is None else most
            return evict(look(cache), most, age, remove=_evict, spare=_clear)
    except CheckoutFailed as error:
        log.debug("%s: %s", cache, error)
        return []


def size_limit(cache: Path) -> int:
    """How large a cache may be where nobody has said it."""
    return min(MOST_BYTES, shutil.disk_usage(cache).total // SHARE)


def look(cache: Path) -> Iterator[Kept]:
    """Find the stores, those that were evicted before left out."""
    for home in cache.iterdir():
        if git_home.NAME.fullmatch(home.name) and home.is_dir():
            kept = Kept(home, home.stat().st_mtime, size(home))
            if kept.size:
                yield kept


def _evict(kept: Kept) -> bool:
    """Delete a store, all but its locks, unless somebody uses it: then it is for the next round."""
    try:
        with (
            git_home.use(kept.home, fcntl.LOCK_EX, seconds=0),
            git_home.fetching(kept.home, seconds=0),
        ):
            if kept.home.stat().st_mtime != kept.used_at:
                return False  # somebody has since it was looked at
            git_home.put_aside(kept.home)
            git_home.remove_asides(kept.home)
    except CheckoutFailed:
        return False
    return True


def _clear(kept: Kept) -> None:
    """Delete what a death has left aside; it could wait for a fetch that never comes."""
    home = kept.home
    if next(home.glob("tmp-*"), None) is None:
        return
    try:
        with git_home.fetching(home, seconds=0):
            git_home.remove_asides(home)
    except CheckoutFailed:
        log.debug("%s is being fetched", home)
