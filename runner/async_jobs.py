"""Ansible's async jobs, told from everybody else below a keeper. Standard library only."""

import re
from collections.abc import Container, Mapping

from runner.linux import Stat

#: Behind the interpreter: the script, the job's id, its limit in seconds, then the module, be it
#: Python or a binary. Twice a job: one that watches the limit, one below it (ansible-core 2.19).
WRAPPER = re.compile(rb"\0(?:[^\0]*/)?async_wrapper\.py\0j?[0-9]+\0[0-9]+\0")
INTERRUPTED = 99  # ansible-playbook's exit code when somebody's SIGINT ended it


def is_wrapper(cmdline: bytes) -> bool:
    """Whether this is the command line of ansible's async_wrapper, as /proc shows it."""
    return WRAPPER.search(cmdline) is not None


def is_normal(code: int) -> bool:
    """Whether a leader that nobody of ours signalled has ended as it wanted to."""
    return code >= 0 and code != INTERRUPTED


def pick(family: Mapping[int, Stat], wrappers: Container[int], keeper: int) -> dict[int, Stat]:
    """Pick the async jobs out of *family*, parents first: all in their sessions or below them.

    A wrapper has become a job when it has daemonised, into a session of its own and an orphan of
    the keeper's; until then its session is still that of ansible's worker.
    """
    orphans = [each for each in family.values() if each.parent == keeper]
    sessions = {each.session for each in orphans if each.pid in wrappers}
    jobs: dict[int, Stat] = {}
    for pid, member in family.items():
        if member.session in sessions or member.parent in jobs:
            jobs[pid] = member
    return jobs
