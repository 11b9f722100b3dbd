"""Starts of a playbook, by us and by hand, seen from outside.

Our share ends with the execve of ansible-playbook; what follows is Ansible's own.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.caller import Caller
from tests.bench.figures import Figure, times
from tests.bench.sightings import Openings
from tests.bench.stack import Stack, read
from tests.waiting import wait_until

#: Its first task opens the file that is watched.
PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="{{ lookup('file', '%s') }}"
"""

#: The run's events that end a stage. Their time is Postgres' own, taken as it writes them.
STAGES = {
    "queued": "row written",
    "claimed": "claimed by the runner",
    "started": "leader at the gate, registered",
    "prepared": "checked out, as told to Postgres",
    "playing": "to be executed, as told to Postgres",
}


@dataclass(frozen=True)
class Start:
    """Seconds from the first byte of the POST, or from the spawn of the bare command."""

    executed: float
    first_task: float
    ended: float


@dataclass(frozen=True)
class OurStart(Start):
    """A start by us, with what it went through."""

    accepted: float
    stages: dict[str, float]


def start_ours(stack: Stack, openings: Openings, mark: Path) -> OurStart:
    openings.forget()
    offset = time.time() - time.monotonic()
    with Caller(stack.port) as caller:
        answer = caller.send(stack.trigger)
    run_id = read(answer)["id"]
    wait_until(lambda: stack.is_final(run_id), timeout=60, interval=0.005)
    ended = time.monotonic()
    events = stack.conn.execute("SELECT kind, at FROM run_events WHERE run_id = %s", [run_id])
    began = answer.began
    return OurStart(
        executed=openings.first[stack.ansible] - began,
        first_task=openings.first[mark] - began,
        ended=ended - began,
        accepted=answer.seconds,
        stages={row["kind"]: row["at"].timestamp() - offset - began for row in events},
    )


def start_bare(stack: Stack, project: Path, openings: Openings, mark: Path) -> Start:
    openings.forget()
    began = time.monotonic()
    child = stack.start_ansible(project)
    if stack.children.finish(child) != 0:
        raise RuntimeError("the bare ansible-playbook failed")
    first, ended = openings.first, time.monotonic()
    return Start(first[stack.ansible] - began, first[mark] - began, ended - began)


def waterfall(ours: Sequence[OurStart]) -> list[Figure]:
    """Show when each stage was reached, from the POST's first byte."""
    return [
        times("  … 202", [one.accepted for one in ours]),
        *(
            times(f"  … {stage}", [one.stages[kind] for one in ours])
            for kind, stage in STAGES.items()
        ),
    ]
