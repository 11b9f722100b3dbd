"""Every process of a run, wherever it went: found by mark, brand, cgroup or keeper, and ended.

For families whose keeper cannot end them any more, and for those who want to look at a living one.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import psutil

from runner import cgroup, linux
from runner.linux import Sent, Stat
from runner.mark import brand, mark, run_of

__all__ = ["Ended", "Member", "below", "brand", "describe", "end", "find", "mark"]

PAUSE = 0.02  # seconds between two looks at a family that is being ended
KILL_LIMIT = 10.0  # seconds of killing after which those still alive are survivors (D state)


@dataclass(frozen=True)
class Member:
    """One living process of a family."""

    pid: int
    #: Clock ticks (10 ms) from boot to its creation; with the pid it names one process for good.
    created: int
    #: Whom it is below now; that changes when its parent ends, and it stays the same member.
    parent: int = field(compare=False)
    pgid: int
    sid: int
    command: str


@dataclass(frozen=True)
class Ended:
    """What it took to end a family."""

    #: Processes that a SIGTERM reached.
    terminated: int
    #: Processes that a SIGKILL reached.
    killed: int
    seconds: float
    #: Members that are still alive: of another user, or in D state.
    survivors: list[Member]


def find(installation: str) -> dict[int, list[Member]]:
    """Find the living members of every run of *installation* on this machine, by run id.

    By mark, brand and cgroup: idle keepers, working keepers and the caller have none of them, or
    are left out. Raise OSError when there is no file left to look with.
    """
    found: dict[int, dict[int, Stat]] = {}
    for run_id, process in chain(_marked(installation), cgroup.find(installation)):
        if process.pid != os.getpid():
            found.setdefault(run_id, {}).setdefault(process.pid, process)
    return {run_id: [_member(each) for each in those.values()] for run_id, those in found.items()}


def _marked(installation: str) -> Iterator[tuple[int, Stat]]:
    for process in linux.everyone():
        run_id = run_of(process.pid, installation) if process.is_alive else None
        if run_id is not None:
            yield run_id, process


def below(pid: int) -> list[Member]:
    """Find the living processes below a keeper, parents first."""
    return [_member(process) for process in linux.descendants(pid).values()]


def orphans(root: int, children: Collection[int]) -> list[Member]:
    """Find the living processes below *root* that are neither its *children* nor below one."""
    tree = linux.descendants(root)
    kept = set(children)
    for pid in tree:  # parents first
        if tree[pid].parent in kept:
            kept.add(pid)
    return [_member(process) for pid, process in tree.items() if pid not in kept]


def kill(member: Member) -> Sent:
    """Send one SIGKILL to a member, if it is still that process."""
    return _send(member, signal.SIGKILL)


def survivor(member: Member) -> dict[str, Any]:
    """Describe one who would not die, as a row keeps it; a caller has to mask its command."""
    return {"pid": member.pid, "uid": linux.user(member.pid), "command": member.command}


def _member(process: Stat) -> Member:
    return Member(
        pid=process.pid,
        created=process.created,
        parent=process.parent,
        pgid=process.group,
        sid=process.session,
        command=linux.command(process.pid),
    )


def end(members_of: Callable[[], list[Member]], grace: float) -> Ended:
    """Terminate a family, kill it after *grace* seconds, until only the unkillable are left.

    Blocks for at most *grace* + KILL_LIMIT seconds. A grace of 0 kills at once.
    """
    began = time.monotonic()
    terminated = _terminate(members_of, grace) if grace > 0 else 0
    killed, survivors = _kill(members_of)
    return Ended(terminated, killed, round(time.monotonic() - began, 4), survivors)


def _terminate(members_of: Callable[[], list[Member]], grace: float) -> int:
    deadline = time.monotonic() + grace
    # A stopped process hears of the TERM only when it is continued.
    sent = Counter(_send(member, signal.SIGTERM, signal.SIGCONT) for member in members_of())
    while time.monotonic() < deadline and members_of():
        time.sleep(min(PAUSE, grace))
    return sent[Sent.REACHED]


def _kill(members_of: Callable[[], list[Member]]) -> tuple[int, list[Member]]:
    """Kill in rounds; tell how many were reached and who is left."""
    deadline = time.monotonic() + KILL_LIMIT
    killed: set[Member] = set()
    while members := members_of():
        sent = {member: _send(member, signal.SIGKILL) for member in members}
        killed |= {member for member, what in sent.items() if what is Sent.REACHED}
        refused = [member for member, what in sent.items() if what is Sent.REFUSED]
        if len(refused) == len(members) or time.monotonic() > deadline:
            break
        time.sleep(PAUSE)
    return len(killed), members


def _send(member: Member, *numbers: int) -> Sent:
    process = linux.read(member.pid)
    if process is None or process.created != member.created:
        return Sent.GONE
    return linux.send(process, *numbers)


def describe(members: Iterable[Member], masks: Collection[str] = ()) -> list[dict[str, Any]]:
    """Tell what each living member is and uses; *masks* are secrets to hide in command lines."""
    described = (_describe(member, masks) for member in members)
    return [description for description in described if description is not None]


def _describe(member: Member, masks: Collection[str]) -> dict[str, Any] | None:
    """Describe one member: age and CPU in seconds, memory in bytes. None if it has gone."""
    try:
        process = psutil.Process(member.pid)
        with process.oneshot():
            times = process.cpu_times()
            usage = {
                "age": round(max(0.0, time.time() - process.create_time()), 2),
                "cpu": round(times.user + times.system, 2),
                "memory": process.memory_info().rss,
                "state": str(process.status()),
            }
    except psutil.Error:
        return None
    now = linux.read(member.pid)
    if now is None or now.created != member.created:
        return None
    command = _mask(member.command, masks)
    return {
        "pid": member.pid,
        "parent": member.parent,
        "pgid": member.pgid,
        "sid": member.sid,
        "command": command,
        **usage,
    }


def _mask(text: str, masks: Collection[str]) -> str:
    for secret in filter(None, masks):
        text = text.replace(secret, "***")
    return text
