"""Async jobs that outlive their run: who of a family must be left alone because of it. Pure."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from runner.family import Member
from runner.run import Run

#: Pid and time of creation: one process for good.
Key = tuple[int, int]


def listed(left: Iterable[Mapping[str, Any]]) -> set[Key]:
    """Name the processes of a `left_running`."""
    return {(each["pid"], each["created"]) for each in left}


def spared(named: Collection[Key], members: Collection[Member]) -> set[Member]:
    """Pick those of *members* that are named, and all in their sessions or below them.

    What is named and dead spares nobody: an async job ends with the last that was listed of it.
    """
    sessions = {member.sid for member in members if (member.pid, member.created) in named}
    chosen = {member for member in members if member.sid in sessions}
    while below := _below(chosen, members):
        chosen |= below
    return chosen


def _below(chosen: set[Member], members: Collection[Member]) -> set[Member]:
    parents = {member.pid for member in chosen}
    return {each for each in members if each.parent in parents and each not in chosen}


def unspared(named: Collection[Key], members: Collection[Member]) -> list[Member]:
    """Pick those of *members* that are not spared."""
    left_alone = spared(named, members)
    return [member for member in members if member not in left_alone]


def without_left(
    families: Mapping[int, list[Member]], known: Mapping[int, Run], boot: str
) -> dict[int, list[Member]]:
    """Leave out of the families, by run id, what their rows say was left running.

    From *boot*, ours, those of a container inside of our PID namespace are seen by other numbers
    than were listed: who was left cannot be told there, so all are its own watchdogs' to look at.
    """
    rest = {
        run_id: _unspared_by(known[run_id], members, boot) if run_id in known else members
        for run_id, members in families.items()
    }
    return {run_id: members for run_id, members in rest.items() if members}


def _unspared_by(run: Run, members: list[Member], boot: str) -> list[Member]:
    if run.left_running and run.boot != boot:
        return []
    return unspared(listed(run.left_running), members)
