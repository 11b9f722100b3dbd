"""From a POST to its 202, beside an application that only answers."""

from tests.bench import crowd
from tests.bench.caller import Caller
from tests.bench.figures import Aim, Figure, times
from tests.bench.occupied import open_occupied
from tests.bench.size import Size
from tests.bench.stack import read

CALLERS = 8


def measure(size: Size) -> list[Figure]:
    """Trigger one by one, and with eight callers at once."""
    with open_occupied() as stack:
        bare = stack.start_bare()
        with Caller(stack.port) as ours, Caller(bare) as theirs:
            pairs = [_pair(ours, theirs, stack.trigger) for _ in range(size.triggers)]
            alone, floor_alone = zip(*pairs, strict=True)
        shares = [[stack.trigger] * (size.triggers // CALLERS)] * CALLERS
        ours_at_once, floor_at_once = (
            crowd.send(stack.children, port, shares, seconds=60, repeat=False)
            for port in (stack.port, bare)
        )
    return [
        times("trigger → 202", alone, floor_alone, Aim("p50", 10)),
        times(f"trigger → 202, {CALLERS} callers", ours_at_once.times, floor_at_once.times),
    ]


def _pair(ours: Caller, theirs: Caller, request: bytes) -> tuple[float, float]:
    answer, floor = ours.send(request), theirs.send(request)
    read(answer)
    return answer.seconds, floor.seconds
