"""Answers per second, beside an application that only answers, with the same requests."""

from collections.abc import Sequence

from tests.bench import crowd
from tests.bench.figures import Aim, Figure, Spread
from tests.bench.occupied import open_occupied
from tests.bench.size import Size
from tests.bench.stack import Stack

CALLERS = 4  # who ask at once
AIMS = {"triggers": Aim("rate", 400), "looks at runs": Aim("rate", 3000)}


def measure(size: Size) -> list[Figure]:
    """Trigger runs, ask for them, stop them while they are queued; of one web worker."""
    with open_occupied(WEB_CONCURRENCY="1") as stack:
        return _figures(stack, stack.start_bare(), size)


def _figures(stack: Stack, bare: int, size: Size) -> list[Figure]:
    def compare(what: str, requests: Sequence[bytes], *, once: bool = False) -> Figure:
        shares = [requests[number::CALLERS] if once else requests for number in range(CALLERS)]
        ours, floor = (
            crowd.send(stack.children, port, shares, seconds=size.load, repeat=not once)
            for port in (stack.port, bare)
        )
        name = f"{what}, one web worker, {CALLERS} callers"
        return Figure(
            what=name, unit="/s", ours=_rate(ours), floor=_rate(floor), aim=AIMS.get(what)
        )

    triggers = compare("triggers", [stack.trigger])
    queued = _queued(stack)
    looks = compare("looks at runs", [stack.request("GET", f"/runs/{run}") for run in queued])
    stops = [stack.request("POST", f"/runs/{run}/stop", {}) for run in queued]
    return [triggers, looks, compare("stops of queued runs", stops, once=True)]


def _rate(seen: crowd.Crowd) -> Spread:
    return Spread.one(seen.rate, len(seen.times))


def _queued(stack: Stack) -> list[int]:
    """List runs that can be stopped."""
    rows = stack.conn.execute("SELECT id FROM runs WHERE state = 'queued'")
    return [row["id"] for row in rows]
