"""What runs weigh, cold and warm: all that Curtain has in memory, and Ansible with it.

Pages that processes share are shared out among them (PSS), so that a sum counts each once.
"""

from typing import NamedTuple

import psutil

from runner.kept import SPARES
from tests.bench.figures import Figure, Spread
from tests.bench.road import NOOP, how, warm_up
from tests.bench.sightings import weigh
from tests.bench.size import Size
from tests.bench.stack import Stack, open_stack
from tests.playbooks import SLEEPING
from tests.waiting import wait_until

SETTLED = 0.3  # seconds without a change after which a start-up is over


class Weights(NamedTuple):
    """What processes hold, in MB."""

    runner: float
    keepers: float
    zygotes: float
    ansible: float

    @property
    def ours(self) -> float:
        """All but what is a run's own."""
        return self.runner + self.keepers + self.zygotes


def measure(size: Size) -> list[Figure]:
    """Weigh an idle runner, then so many runs that sleep at once, cold and warm."""
    slots = str(max(size.weighed))
    with open_stack(RUNNER_SLOTS=slots, RUNNER_START="warm") as stack:
        stack.declare(NOOP)
        warm_up(stack)
        idle = _weigh_settled(stack, [])
        warm = _crowds(stack, size, "warm")
    with open_stack(RUNNER_SLOTS=slots, RUNNER_START="cold") as stack:
        idle_cold = _weigh_settled(stack, [])
        cold = _crowds(stack, size, "cold")
    return [
        _figure("idle: runner", idle.runner, idle_cold.runner),
        _figure(f"idle: {SPARES} spare keepers", idle.keepers, idle_cold.keepers),
        _figure("idle: zygote", idle.zygotes),
        *(figure for count in size.weighed for figure in _beside(count, warm[count], cold[count])),
    ]


def _crowds(stack: Stack, size: Size, start: str) -> dict[int, Weights]:
    stack.declare(SLEEPING)
    return {count: _crowd(stack, count, start) for count in size.weighed}


def _crowd(stack: Stack, count: int, start: str) -> Weights:
    """Weigh so many runs at once, and end them."""
    runs = [stack.trigger_run() for _ in range(count)]
    wait_until(lambda: all(map(stack.is_sleeping, runs)), timeout=300, interval=1.0)
    started = {how(stack, run) for run in runs}
    if started != {start}:
        raise RuntimeError(f"of {count} runs that were to start {start} some started {started}")
    weights = _weigh_settled(stack, runs)
    for run in runs:
        stack.call("POST", f"/runs/{run}/stop", {"force": True})
    wait_until(lambda: all(map(stack.is_final, runs)), timeout=120)
    return weights


def _beside(count: int, warm: Weights, cold: Weights) -> list[Figure]:
    def beside(what: str, ours: float, floor: float) -> Figure:
        return _figure(f"{count} runs: {what}, warm beside cold", ours, floor)

    return [
        beside("a run's own", warm.ansible / count, cold.ansible / count),
        beside("runner, zygote and keepers", warm.ours, cold.ours),
        beside("everything", warm.ours + warm.ansible, cold.ours + cold.ansible),
    ]


def _weigh_settled(stack: Stack, runs: list[int]) -> Weights:
    """Weigh when the spare keepers are there, and everybody has imported what they need."""
    weights: list[Weights] = []

    def is_settled() -> bool:
        found = _weigh(stack, runs)
        if found is not None:
            weights.append(found)
        return found is not None and len(weights) > 1 and _is_alike(*weights[-2:])

    wait_until(is_settled, timeout=60, interval=SETTLED)
    return weights[-1]


def _weigh(stack: Stack, runs: list[int]) -> Weights | None:
    """Weigh all; None while keepers come and go."""
    children = psutil.Process(stack.runner).children()
    try:
        zygotes = [each.pid for each in children if "runner.zygote" in each.cmdline()]
        keepers = [each.pid for each in children if each.pid not in zygotes]
        if len(keepers) != len(runs) + SPARES:
            return None
        families = [member.pid for run in runs for member in stack.family(run)]
        weighed = (weigh(pids).pss for pids in ([stack.runner], keepers, zygotes, families))
        return Weights(*weighed)
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return None


def _is_alike(before: Weights, now: Weights) -> bool:
    """Whether nothing has changed but a page here and there."""
    return all(abs(a - b) < 0.1 + 0.01 * b for a, b in zip(before, now, strict=True))


def _figure(what: str, ours: float, floor: float | None = None) -> Figure:
    least = None if floor is None else Spread.one(floor)
    return Figure(what=what, unit="MB", ours=Spread.one(ours), floor=least)
