"""What we weigh beside Ansible: the runner and its keepers, idle and with ten runs."""

from collections.abc import Iterable

import psutil

from tests.bench.figures import Figure, Spread
from tests.bench.sightings import weigh
from tests.bench.size import Size
from tests.bench.stack import TEMPLATE, Stack, open_stack
from tests.playbooks import SLEEPING
from tests.waiting import wait_until

RUNS = 10


def measure(size: Size) -> list[Figure]:
    """Weigh an idle runner, then one with ten sleeping runs."""
    with open_stack(RUNNER_SLOTS=str(RUNS)) as stack:
        wait_until(lambda: _keepers(stack))
        idle = _weights("idle", stack)
        stack.declare(SLEEPING)
        path = f"/templates/{TEMPLATE}/runs"
        runs = [stack.call("POST", path, {})["id"] for _ in range(RUNS)]
        wait_until(lambda: all(map(stack.is_sleeping, runs)), timeout=60)
        wait_until(lambda: len(_keepers(stack)) == RUNS + 1)  # the idle one is there again
        families = [member.pid for run in runs for member in stack.family(run)]
        busy = _weights(f"{RUNS} runs", stack)
        return [*idle, *busy, *_weight(f"{RUNS} runs: Ansible's own", families)]


def _keepers(stack: Stack) -> list[int]:
    return [child.pid for child in psutil.Process(stack.runner).children()]


def _weights(when: str, stack: Stack) -> list[Figure]:
    keepers = _keepers(stack)
    name = f"{when}: keepers ({len(keepers)})"
    return [*_weight(f"{when}: runner", [stack.runner]), *_weight(name, keepers)]


def _weight(what: str, pids: Iterable[int]) -> list[Figure]:
    weights = zip(("PSS", "RSS"), weigh(pids), strict=True)
    return [
        Figure(what=f"{what}, {kind}", unit="MB", ours=Spread(megabytes, megabytes, 1))
        for kind, megabytes in weights
    ]
