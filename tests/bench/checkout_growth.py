"""What checkouts leave behind: on the disk after many runs, in a process after many of them."""

import gc
import shutil
from functools import partial
from pathlib import Path

import psutil

from tests.bench.checkout_figures import Disk, Leak
from tests.bench.checkout_ways import Ours, Wanted, Way, rivals
from tests.bench.forks import take_turn
from tests.bench.remote import Remote

EDGE = 10  # runs at either end whose times are compared
BLOCK = 512  # bytes, of st_blocks
MB = 2**20
LOOKS = 2  # after the first one, before any checkout
WARMING = 5  # checkouts after which everything has been imported and cached once


def grow(remote: Remote, folder: Path, runs: int) -> list[Disk]:
    """Play *runs* runs by each way, every one of a new commit; a run's directory goes with it."""
    folder.mkdir()
    ways = rivals(remote.url, folder)
    walls: dict[str, list[float]] = {way.name: [] for way in ways}
    live: dict[str, int] = {}
    for number in range(runs):
        wanted = Wanted(remote.commit(), by_branch=True, is_new=True)
        at_edge = number < EDGE or number >= runs - EDGE
        for way in ways:
            # Where nothing is kept, no run can matter to the next.
            if at_edge or way.home.exists():
                run = folder / "run"
                turn = take_turn([partial(way.check_out, wanted, run)])
                walls[way.name].append(turn.wall)
                live[way.name] = size_of(run)
                shutil.rmtree(run, ignore_errors=True)
    return [_disk(way, remote, runs, live[way.name], walls[way.name]) for way in ways]


def _disk(way: Way, remote: Remote, runs: int, live: int, walls: list[float]) -> Disk:
    kept = size_of(way.home) / MB
    return Disk(way.name, remote.files, runs, kept, live / MB, walls[:EDGE], walls[-EDGE:])


def size_of(path: Path) -> int:
    """Sum up the bytes that everything below *path* takes of the disk."""
    entries = [path, *path.rglob("*")] if path.exists() else []
    return sum(entry.lstat().st_blocks for entry in entries) * BLOCK


def look_for_leaks(remote: Remote, folder: Path, count: int) -> list[Leak]:
    """Check out *count* times in this process, by the branch and by the commit in turns."""
    folder.mkdir()
    ours = Ours(remote.url, folder / "cache")
    commit = remote.head
    for number in range(WARMING):
        ours.check_out(Wanted(commit, by_branch=number % 2 == 0), folder / "run")
    leaks = [_look(0)]
    for number in range(1, count + 1):
        ours.check_out(Wanted(commit, by_branch=number % 2 == 0), folder / "run")
        if number % (count // LOOKS) == 0:
            leaks.append(_look(number))
    return leaks


def _look(checkouts: int) -> Leak:
    gc.collect()
    process = psutil.Process()
    return Leak(
        checkouts,
        open_files=process.num_fds(),
        children=len(process.children(recursive=True)),
        rss=process.memory_info().rss / MB,
    )
