"""The guard: a process that ends the others when the command that started them is gone.

It reads a pipe from that command. Every child tells its own number there before it becomes
what it shall be (see children.py), so however the command dies, the guard knows them all when
the pipe ends. The orderly stop takes the same way: the command closes the pipe and waits.

Run as a program (`python -I -S guard.py`) that ignores what would stop it; needs only Python
and Linux >= 5.3.
"""

import errno
import os
import select
import signal
import sys
import time
from typing import NamedTuple

#: The order in which kinds are stopped: signals, and seconds until the next or SIGKILL.
#: Nothing loses its database while it still has something to write.
LADDERS = {
    "app": ((signal.SIGTERM, 8.0),),
    "redis": ((signal.SIGTERM, 5.0),),
    "postgres": ((signal.SIGINT, 5.0), (signal.SIGQUIT, 6.0)),  # fast, then immediate shutdown
}

PIDFD_SIGNAL_PROCESS_GROUP = 4  # linux/pidfd.h, Linux >= 6.9; not in Python's signal module


class Member(NamedTuple):
    """A child that leads its own process group. The pidfd is its; the number may be reused."""

    pid: int
    pidfd: int


def watch(pid: int) -> Member | None:
    """Open the process *pid*. None if it has already gone."""
    try:
        return Member(pid, os.pidfd_open(pid))
    except ProcessLookupError:
        return None


def is_alive(member: Member) -> bool:
    """Whether the process itself has not ended (it may be waited for by nobody)."""
    return not _ended([member], 0)


def _ended(members: list[Member], timeout: float) -> set[int]:
    poller = select.poll()
    for member in members:
        poller.register(member.pidfd, select.POLLIN)
    return {pidfd for pidfd, _ in poller.poll(timeout * 1000)}


def signal_group(member: Member, number: int) -> None:
    """Signal everything in the member's group, also when the member itself has ended."""
    try:
        signal.pidfd_send_signal(member.pidfd, number, None, PIDFD_SIGNAL_PROCESS_GROUP)
    except ProcessLookupError:
        return  # nothing of it is left
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        _signal_group_by_number(member, number)


def _signal_group_by_number(member: Member, number: int) -> None:
    # An older kernel. While the member lives, nobody else can have its number.
    if is_alive(member):
        os.killpg(member.pid, number)


def stop(members: list[Member], ladder: tuple[tuple[int, float], ...]) -> None:
    """Climb the *ladder* until all members have ended, then kill what their groups still hold."""
    waiting = members
    for number, seconds in ladder:
        for member in waiting:
            signal_group(member, number)
        waiting = _wait(waiting, seconds)
    for member in members:
        signal_group(member, signal.SIGKILL)
    _wait(waiting, 1.0)


def _wait(members: list[Member], seconds: float) -> list[Member]:
    """Wait for the end of all members. Return those that still live after *seconds*."""
    deadline = time.monotonic() + seconds
    while members and (left := deadline - time.monotonic()) > 0:
        ended = _ended(members, left)
        members = [member for member in members if member.pidfd not in ended]
    return members


def stop_all(kinds: dict[str, list[Member]]) -> None:
    """Stop the members of every kind, kind after kind."""
    for kind, ladder in LADDERS.items():
        stop(kinds[kind], ladder)


def forget_ended(members: list[Member]) -> list[Member]:
    """Close the pidfds of those that have ended; return the others."""
    ended = _ended(members, 0)
    for pidfd in ended:
        os.close(pidfd)
    return [member for member in members if member.pidfd not in ended]


def main() -> None:
    """Watch until the pipe on stdin ends, then stop all."""
    kinds: dict[str, list[Member]] = {kind: [] for kind in LADDERS}
    for line in sys.stdin:
        kind, pid = line.split()
        kinds[kind] = forget_ended(kinds[kind])  # restarts must not use up the descriptors
        if member := watch(int(pid)):
            kinds[kind].append(member)
    stop_all(kinds)


if __name__ == "__main__":
    main()
