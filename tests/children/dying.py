"""Checks out a commit, or tidies the cache, and dies of it: again and again, at other moments.

dying.py {checkout | tidy} {steps | bytes | moments} PREPARED CACHE URL SHA DESTINATION

steps: before each change that Python makes, in turn, git living on without it; bytes: git dies when
it writes beyond so many; moments: all of it is killed, git too, after so long. Each death begins
with a copy of the PREPARED cache, and what it leaves behind must be no hindrance for the next
checkout. Every fetch joins the packs. Prints how many deaths there were.
"""

import itertools
import os
import resource
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from runner import git_store, upkeep
from runner.checkout import checkout
from runner.errors import CheckoutFailed

CHANGES = {
    "open",
    "fcntl.flock",
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.utime",
    "subprocess.Popen",
}

git_store.MOST_PACKS = 0

what, way, *words = sys.argv[1:]
prepared, cache, url, sha, destination = words


def act() -> None:
    """Do what may be the last."""
    if what == "tidy":
        upkeep.tidy(Path(cache), most=0)
    else:
        checkout(Path(cache), url, sha, Path(destination))


def look() -> None:
    """See that what was left behind is no hindrance, and that upkeep finds it."""
    checkout(Path(cache), url, sha, Path(destination))
    written = (Path(destination) / "site.yml").read_text()
    assert written == "newest", written
    upkeep.tidy(Path(cache))
    left = [str(path) for path in Path(cache).glob("*/tmp-*")]
    assert not left, left


def die_before(change: int) -> None:
    """Kill this process before it makes the so-manieth change."""
    left = itertools.count(change, -1)

    def count(event: str, _: tuple[object, ...]) -> None:
        if event in CHANGES and next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    act()


def write_at_most(size: int) -> None:
    """Let the kernel kill whoever writes more into a file."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        act()
    except CheckoutFailed:
        os.kill(os.getpid(), signal.SIGKILL)


def fork(act: Callable[[], None]) -> psutil.Process:
    """Start a child that does it and leaves."""
    if pid := os.fork():
        return psutil.Process(pid)
    try:
        act()
        os._exit(0)
    finally:
        os._exit(1)


def was_killed(child: psutil.Process) -> bool:
    """Wait for its end, which may not be one of its own fault."""
    status = os.waitpid(child.pid, 0)[1]
    if not os.WIFSIGNALED(status):
        assert os.WEXITSTATUS(status) == 0, "it failed"
    return os.WIFSIGNALED(status)


def kill_after(seconds: float) -> bool:
    """Kill it and its git; tell whether it still lived."""
    child = fork(act)
    time.sleep(seconds)
    child.suspend()
    for each in child.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has just ended
            each.kill()
    child.kill()
    return was_killed(child)


def deaths() -> Iterable[Callable[[], bool]]:
    """Every way to die of this kind; each tells whether it was one."""
    if way == "steps":
        return (lambda n=n: was_killed(fork(lambda: die_before(n))) for n in itertools.count())
    if way == "bytes":
        sizes = (0, 1, 40, 60, 100, 200, 400, 900, 1200, 2**30)
        return (lambda n=n: was_killed(fork(lambda: write_at_most(n))) for n in sizes)
    return (lambda n=n: kill_after(0.007 * n) for n in range(12))


count = 0
for death in deaths():
    shutil.rmtree(cache, ignore_errors=True)
    shutil.copytree(prepared, cache, symlinks=True)
    was_death = death()
    assert not was_killed(fork(look))
    if way == "steps" and not was_death:
        break
    count += was_death
print(count)
