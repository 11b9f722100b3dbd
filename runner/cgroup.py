"""A family's cgroup: whoever is in it belongs to the run, whatever it has shed.

A child is born into its parent's group, and neither another session nor another user, an empty
environment or the death of its parents takes it out. So the group is found, ended and proved empty
after runner and keeper have died. It is no prison: who may write to another group may go there,
and `su -` may be moved by systemd. Mark, brand and descent find those.

Groups are made below the runner's own, often the only place where it may. A runner that is
started again may be elsewhere (a new session, another unit), so groups are never looked for there
but by name, in all that is mounted of each hierarchy. Standard library only.
"""

import errno
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runner import linux
from runner.hierarchy import mounted
from runner.linux import Sent, Stat

NAME = re.compile(r"curtain-(?P<installation>[0-9a-f]{8})-(?P<name>(?P<run>[0-9]{1,18})-\w{8})")
FREEZE_LIMIT = 0.02  # seconds that a freeze may take; a member in D state never freezes
GLANCE = 0.001  # seconds between two looks at a group that is freezing
#: It was removed while we looked, or (EOPNOTSUPP) has only threads of who is listed above it.
NOBODY = (errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP)


class Group:
    """One group and those below it, which members may make. Errors other than its absence pass."""

    def __init__(self, directory: str | Path) -> None:
        """Mean the group of that directory; it need not be there."""
        self.directory = Path(directory)

    def enter(self) -> None:
        """Make it and move this process there; all that it will fork is born there."""
        os.mkdir(self.directory, 0o755)
        self.put(0)

    def put(self, pid: int) -> None:
        """Move a process there; 0 means this one. Raise OSError when it may not be."""
        _write(self.directory / "cgroup.procs", str(pid))

    def members(self) -> list[Stat]:
        """Look at its living processes, as far as our PID namespace shows them."""
        seen = [linux.read(pid) for pid in self._pids()]
        # Again: a number that was read may have become a stranger's before it was looked at.
        listed = self._pids()
        living = [process for process in seen if process is not None and process.is_alive]
        return [
            process
            for process in living
            if process.pid in listed and not linux.is_kernel_thread(process.pid)
        ]

    def _pids(self) -> set[int]:
        """List it without 0, which stands for whoever is outside of our PID namespace."""
        lists = [_read(directory / "cgroup.procs") or "" for directory in self._tree()]
        return {int(pid) for listed in lists for pid in listed.split()} - {0, 1}

    def is_empty(self) -> bool:
        """Whether nobody is in it or below, or it is not there: the proof that all are dead."""
        events = _read(self.directory / "cgroup.events")  # version 2 counts those below too
        if events is not None:
            return "populated 0" in events
        return not any(_read(directory / "cgroup.procs") for directory in self._tree())

    def kill(self) -> list[Stat]:
        """SIGKILL to everybody, those of other users too where the kernel does it; tell to whom.

        Without cgroup.kill (version 1, or before Linux 5.14) one by one, frozen where there is a
        freezer: who is frozen cannot fork.
        """
        if self.is_empty():
            return []
        members = self.members()
        if _try_write(self.directory / "cgroup.kill", "1"):
            return members
        with self._frozen():
            sent = [(each, linux.send(each, signal.SIGKILL)) for each in self.members()]
        return [member for member, what in sent if what is Sent.REACHED]

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        """Let nobody run meanwhile, where there is a freezer."""
        try:
            self._freeze()
            yield
        finally:
            self.thaw()

    def _freeze(self) -> None:
        deadline = time.monotonic() + FREEZE_LIMIT
        if _try_write(self.directory / "cgroup.freeze", "1"):
            state, frozen = self.directory / "cgroup.events", "frozen 1"
        elif _try_write(self.directory / "freezer.state", "FROZEN"):
            state, frozen = self.directory / "freezer.state", "FROZEN"
        else:
            return
        while frozen not in (_read(state) or frozen) and time.monotonic() < deadline:
            time.sleep(GLANCE)

    def thaw(self) -> None:
        """Let everybody run: in version 1 no signal, not even SIGKILL, reaches who is frozen."""
        for directory in self._tree():
            if not _try_write(directory / "cgroup.freeze", "0"):
                _try_write(directory / "freezer.state", "THAWED")

    def remove(self) -> bool:
        """Remove it. False if somebody is in it: a later sweep will be luckier."""
        for directory in reversed(list(self._tree())):
            try:
                os.rmdir(directory)
            except FileNotFoundError:
                continue
            except OSError:
                return False
        return True

    def _tree(self) -> Iterator[Path]:
        yield self.directory
        yield from map(Path, _below(str(self.directory)))


def name_of(installation: str, name: str) -> str:
    """Name the group of a run by the name of its directory, which no other attempt has."""
    return f"curtain-{installation}-{name}"


def groups(installation: str) -> Iterator[tuple[int, str, Group]]:
    """Find the groups of *installation* on this machine: run id, name of its directory, group."""
    for mount in {hierarchy.mount for hierarchy in mounted()}:
        for directory in _below(mount):
            match = NAME.fullmatch(os.path.basename(directory))
            if match and match["installation"] == installation:
                yield int(match["run"]), match["name"], Group(directory)


def find(installation: str) -> Iterator[tuple[int, Stat]]:
    """Find who is in a group of *installation*, with the id of its run.

    Thaws what a keeper has left frozen that was killed while it killed.
    """
    for run_id, _, group in groups(installation):
        if not group.is_empty():
            group.thaw()
            yield from ((run_id, member) for member in group.members())


def _below(top: str) -> Iterator[str]:
    """Walk down, parents first: 1 ms for 100 groups."""
    queue = [top]
    for directory in queue:
        try:
            if os.stat(directory).st_nlink <= 2:  # kernfs counts them: nothing is below
                continue
            with os.scandir(directory) as entries:
                below = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError as error:
            if error.errno not in (*NOBODY, errno.EACCES):  # of another user, so none of ours
                raise
            continue
        queue += below
        yield from below


def _read(path: Path) -> str | None:
    """Read a file of a group. None if there is none such, or its group has gone."""
    try:
        return path.read_text()
    except OSError as error:
        if error.errno in NOBODY:
            return None
        raise


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)  # never made: it is the kernel's
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _try_write(path: Path, text: str) -> bool:
    try:
        _write(path, text)
    except OSError:
        return False
    return True
