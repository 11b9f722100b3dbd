"""The road from a trigger to the first task: warm, cold and by hand in turns, stage by stage.

By hand is the bare `ansible-playbook` on the same playbook, inventory and environment.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.bench.figures import Aim, Figure, Spread, times
from tests.bench.sightings import Openings
from tests.bench.size import Size
from tests.bench.stack import TEMPLATE, Stack, open_stack
from tests.bench.starts import PLAYBOOK, OurStart, Start, start_bare, start_ours, waterfall
from tests.waiting import wait_until

FIRST_TASK = 0.35  # of the bare command's, at most
NOOP = "- hosts: all\n  gather_facts: false\n  tasks: []\n"
PATIENCE = 120.0  # seconds until a template is warm


def measure(size: Size) -> list[Figure]:
    """Start runs of each kind and bare commands in turns, then as many runs as can be."""
    with open_stack(RUNNER_START="warm") as stack:
        mark = stack.folder / "mark"
        mark.write_text("here")
        project = stack.declare(PLAYBOOK % mark)
        openings = Openings(stack.ansible, mark)
        openings.start()
        warm_up(stack)
        warm, cold, bare = [], [], []
        for _ in range(size.starts):
            warm.append(start_ours(stack, openings, mark))
            with_start(stack, "cold")
            cold.append(start_ours(stack, openings, mark))
            with_start(stack, "warm")
            bare.append(start_bare(stack, project, openings, mark))
        rates = _rates(stack, size)
    return [*_shares(warm, cold, bare), *_stages(warm), rates]


def how(stack: Stack, run_id: int) -> str:
    """How a run was started."""
    row = stack.conn.execute(
        "SELECT detail ->> 'start' AS start FROM run_events WHERE run_id = %s AND kind = 'playing'",
        [run_id],
    ).fetchone()
    return str(row["start"]) if row else ""


def warm_up(stack: Stack) -> None:
    """Play until the template's runs start warm."""

    def is_warm() -> bool:
        run_id = stack.trigger_run()
        wait_until(lambda: stack.is_final(run_id), timeout=PATIENCE)
        return how(stack, run_id) == "warm"

    wait_until(is_warm, timeout=PATIENCE)


def with_start(stack: Stack, start: str) -> None:
    """Have the template's next runs start warm or cold."""
    path = f"/templates/{TEMPLATE}"
    spec = stack.call("GET", path)["spec"]
    kept = {name: spec[name] for name in ("playbook", "inventory", "options")}
    stack.call("PUT", path, kept | {"start": start})


def _shares(
    warm: Sequence[OurStart], cold: Sequence[OurStart], bare: Sequence[Start]
) -> list[Figure]:
    by_hand = [one.first_task for one in bare]
    least = Spread.of(by_hand).p50 * 1000 * FIRST_TASK
    ends = [one.ended for one in bare]
    return [
        times(
            "trigger → first task, warm", [o.first_task for o in warm], by_hand, Aim("p50", least)
        ),
        times("trigger → first task, cold", [one.first_task for one in cold], by_hand),
        times(
            "trigger → execve of ansible-playbook, cold",
            [one.executed for one in cold],
            [one.executed for one in bare],
            Aim("p50", 60),
        ),
        times("trigger → row final, warm", [one.ended for one in warm], ends),
        times("trigger → row final, cold", [one.ended for one in cold], ends),
    ]


def _stages(ours: Sequence[OurStart]) -> list[Figure]:
    return [
        *waterfall(ours),
        times("  … first task", [one.first_task for one in ours]),
        times("  … row final", [one.ended for one in ours]),
    ]


def _await_all(stack: Stack, runs: Sequence[int]) -> None:
    wait_until(lambda: all(map(stack.is_final, runs)), timeout=600, interval=0.02)


def _rates(stack: Stack, size: Size) -> Figure:
    """Runs of nothing a second, as many as the machine can play."""
    stack.declare(NOOP)
    rates = {}
    for start in ("cold", "warm"):
        with_start(stack, start)
        if start == "warm":
            warm_up(stack)
        began = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            runs = list(pool.map(lambda _: stack.trigger_run(), range(size.noops)))
        _await_all(stack, runs)
        rates[start] = size.noops / (time.monotonic() - began)
    return Figure(
        what="runs of a playbook without tasks, warm beside cold",
        unit="/s",
        ours=Spread.one(rates["warm"], size.noops),
        floor=Spread.one(rates["cold"], size.noops),
    )
