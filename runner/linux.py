"""What only the kernel can tell or do: prctl, pidfds, /proc. Standard library only."""

import ctypes
import errno
import os
import signal
from collections.abc import Container, Iterator
from enum import Enum
from typing import NamedTuple

PROC = "/proc"
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
PR_SET_CHILD_SUBREAPER = 36
PF_KTHREAD = 0x200000  # <linux/sched.h>
CHUNK = 65_536  # bytes of one read of /proc; most files there are smaller
OUT_OF_FILES = (errno.EMFILE, errno.ENFILE)
COMMAND_LENGTH = 200  # characters of a command line that are worth showing

_prctl = ctypes.CDLL(None, use_errno=True).prctl


class Stat(NamedTuple):
    """One process as /proc/PID/stat showed it at one moment."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    threads: int
    #: Clock ticks (10 ms) from boot to its creation; with the pid it names one process for good.
    created: int

    @property
    def is_alive(self) -> bool:
        # A process whose first thread has ended shows Z while its other threads run on.
        return self.state not in "ZX" or self.threads > 1


class Sent(Enum):
    """What became of a signal."""

    REACHED = "reached"
    GONE = "gone"  # dead, or its number belongs to another process by now
    REFUSED = "refused"  # EPERM: it runs as another user


def become_subreaper() -> None:
    """Adopt every orphan below this process, so that none of them escapes to pid 1."""
    _set(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Have this process get a signal when *parent* dies. Exit at once if it is dead already."""
    _set(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def _set(option: int, value: int) -> None:
    if _prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl({option}): {os.strerror(code)}")


def read(pid: int) -> Stat | None:
    """Look at one process, dead or alive. None if it is not there or cannot be seen."""
    content = contents(pid, "stat")
    if not content:
        return None
    # The name may hold spaces and brackets; what follows the last bracket never does.
    fields = content[content.rindex(b")") + 2 :].split()
    parent, group, session = (int(field) for field in fields[1:4])
    return Stat(pid, fields[0].decode(), parent, group, session, int(fields[17]), int(fields[19]))


def is_there(pid: int) -> bool:
    """Whether a number is taken, by whomever and dead or alive. Needs no file to find out."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return pid > 0


def is_kernel_thread(pid: int) -> bool:
    """Whether it is the kernel's own, such as a vhost worker in the group of its guest."""
    fields = contents(pid, "stat").rpartition(b")")[2].split()
    return bool(fields and int(fields[6]) & PF_KTHREAD)


def everyone() -> Iterator[Stat]:
    """Look at each process of this machine once: one pass over /proc, 35 ms for 2,600."""
    for name in os.listdir(PROC):
        if name.isdigit() and (process := read(int(name))):
            yield process


def descendants(root: int) -> dict[int, Stat]:
    """Find the living processes below *root*, parents first.

    Not a snapshot: what is forked meanwhile may be missing, so whoever needs all of them loops.
    """
    tree = _tree_of_children(root) if _kernel_lists_children() else _tree_of_parents(root)
    return {process.pid: process for process in tree if process.is_alive}


def _kernel_lists_children() -> bool:
    return os.path.exists(f"{PROC}/self/task/{os.getpid()}/children")  # CONFIG_PROC_CHILDREN


def _tree_of_children(root: int) -> Iterator[Stat]:
    """Walk down from *root* only: 0.1 ms for 10 processes, whatever else runs."""
    queue = [root]
    for parent in queue:
        for pid in _children(parent):
            if process := read(pid):
                queue.append(pid)
                yield process


def _children(pid: int) -> Iterator[int]:
    """Read a process' children; each hangs on the thread that forked it."""
    try:
        threads = os.listdir(f"{PROC}/{pid}/task")
    except OSError:
        return
    for thread in threads:
        yield from map(int, contents(pid, f"task/{thread}/children").split())


def _tree_of_parents(root: int) -> Iterator[Stat]:
    """Sort one pass over the whole machine by parent, where the kernel lists no children."""
    children: dict[int, list[Stat]] = {}
    for process in everyone():
        children.setdefault(process.parent, []).append(process)
    queue = [root]
    for parent in queue:
        for process in children.pop(parent, ()):
            queue.append(process.pid)
            yield process


def contents(pid: int, name: str) -> bytes:
    """Read /proc/PID/*name*. Empty if the process has gone or may not be looked into.

    Raise OSError when there is no file left to look with: nobody may take that for an answer.
    """
    try:
        descriptor = os.open(f"{PROC}/{pid}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in OUT_OF_FILES:
            raise
        return b""
    try:  # a file object would take as long again: a look at a machine reads a thousand files
        return b"".join(iter(lambda: os.read(descriptor, CHUNK), b""))
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def command(pid: int) -> str:
    """Tell what a process runs: its command line, or [its name] where it has none."""
    try:
        words = contents(pid, "cmdline").rstrip(b"\0").replace(b"\0", b" ")
        text = words or b"[" + contents(pid, "comm").strip() + b"]"
    except OSError:
        return "[?]"  # out of files
    return text.decode(errors="replace")[:COMMAND_LENGTH]


def user(pid: int) -> int | None:
    """Tell a process' real user id. None if it has gone or cannot be seen."""
    try:
        status = contents(pid, "status")
    except OSError:
        return None  # out of files
    for line in status.splitlines():
        if line.startswith(b"Uid:"):
            return int(line.split()[1])
    return None


def send(process: Stat, *numbers: int, parents: Container[int] | None = None) -> Sent:
    """Signal exactly the *process* that was seen; with *parents*, only while it is below them.

    Several signals go to it one after the other; what became of the first is told.
    """
    if process.pid <= 1:
        return Sent.GONE
    try:
        pidfd = _pin(process.pid)
    except ProcessLookupError:
        return Sent.GONE
    try:
        if not _is_same(process, parents):
            return Sent.GONE
        first, *_ = [_signal(process.pid, pidfd, number) for number in numbers]
        return first
    finally:
        if pidfd is not None:
            os.close(pidfd)


def _pin(pid: int) -> int | None:
    """Open a pidfd: from here on the number means this process. None where the kernel has none."""
    try:
        return os.pidfd_open(pid) if hasattr(os, "pidfd_open") else None
    except ProcessLookupError:
        raise
    except OSError:  # seccomp, or a kernel before 5.3
        return None


def _is_same(process: Stat, parents: Container[int] | None) -> bool:
    now = read(process.pid)
    if now is None or not now.is_alive or now.created != process.created:
        return False
    return parents is None or now.parent in parents


def _signal(pid: int, pidfd: int | None, number: int) -> Sent:
    try:
        if pidfd is None:
            os.kill(pid, number)
        else:
            signal.pidfd_send_signal(pidfd, number)
    except ProcessLookupError:
        return Sent.GONE
    except PermissionError:
        return Sent.REFUSED
    return Sent.REACHED
