"""Ten triggers in a row: how long until each has its ansible-playbook, with one spare keeper."""

import time

from tests.bench.caller import Caller
from tests.bench.figures import Figure, times
from tests.bench.size import Size
from tests.bench.stack import Stack, open_stack, read
from tests.playbooks import HELLO
from tests.waiting import wait_until

RUNS = 10  # as many as there are slots


def measure(size: Size) -> list[Figure]:
    """Fill all slots of an idle runner at once, over and over."""
    with open_stack(RUNNER_SLOTS=str(RUNS)) as stack:
        stack.declare(HELLO)
        _burst(stack)  # the first one fills the Git cache
        bursts = [_burst(stack) for _ in range(size.bursts)]
    return [
        times(f"{RUNS} at once → ansible-playbook, each", [one for each in bursts for one in each]),
        times(f"{RUNS} at once → ansible-playbook, the last", [max(each) for each in bursts]),
    ]


def _burst(stack: Stack) -> list[float]:
    """Trigger runs; tell the seconds from the first byte until Postgres was told of each."""
    began = time.time()
    with Caller(stack.port) as caller:
        runs = [read(caller.send(stack.trigger))["id"] for _ in range(RUNS)]
    wait_until(lambda: all(map(stack.is_final, runs)), timeout=120, interval=0.05)
    events = stack.conn.execute(
        "SELECT at FROM run_events WHERE kind = 'playing' AND run_id = ANY(%s)", [runs]
    )
    return [row["at"].timestamp() - began for row in events]
