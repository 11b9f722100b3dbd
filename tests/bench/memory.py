"""What we weigh beside Ansible: the runner and its keepers, idle and with ten runs."""

from typing import NamedTuple

import psutil

from runner.kept import SPARES
from tests.bench.figures import Figure, Spread
from tests.bench.sightings import Weight, weigh
from tests.bench.size import Size
from tests.bench.stack import Stack, open_stack
from tests.playbooks import SLEEPING
from tests.waiting import wait_until

RUNS = 10
SETTLED = 0.3  # seconds without a change after which a start-up is over


class Weights(NamedTuple):
    """What the runner's processes hold."""

    runner: Weight
    keepers: Weight


def measure(size: Size) -> list[Figure]:
    """Weigh an idle runner, then one with ten sleeping runs."""
    with open_stack(RUNNER_SLOTS=str(RUNS)) as stack:
        idle = _weigh_settled(stack, keepers=SPARES)
        stack.declare(SLEEPING)
        runs = [stack.trigger_run() for _ in range(RUNS)]
        wait_until(lambda: all(map(stack.is_sleeping, runs)), timeout=60)
        busy = _weigh_settled(stack, keepers=RUNS + SPARES)
        ansible = weigh([member.pid for run in runs for member in stack.family(run)])
    return [
        *_figures("idle: runner", idle.runner),
        *_figures(f"idle: its {SPARES} spare keepers", idle.keepers),
        *_figures(f"{RUNS} runs: runner", busy.runner),
        *_figures(f"{RUNS} runs: {RUNS} keepers and {SPARES} spares", busy.keepers),
        *_figures(f"{RUNS} runs: all, Ansible as the floor", _sum(*busy, ansible), ansible),
    ]


def _weigh_settled(stack: Stack, *, keepers: int) -> Weights:
    """Weigh when so many keepers are there and have imported what they need."""
    weights: list[Weights] = []

    def is_settled() -> bool:
        pids = [child.pid for child in psutil.Process(stack.runner).children()]
        weights.append(Weights(weigh([stack.runner]), weigh(pids)))
        return len(pids) == keepers and weights[-2:-1] == weights[-1:]

    wait_until(is_settled, timeout=30, interval=SETTLED)
    return weights[-1]


def _sum(*weights: Weight) -> Weight:
    return Weight(*map(sum, zip(*weights, strict=True)))


def _figures(what: str, ours: Weight, floor: Weight | None = None) -> list[Figure]:
    return [
        Figure(
            what=f"{what}, {kind.upper()}",
            unit="MB",
            ours=Spread.one(getattr(ours, kind)),
            floor=Spread.one(getattr(floor, kind)) if floor else None,
        )
        for kind in Weight._fields
    ]
