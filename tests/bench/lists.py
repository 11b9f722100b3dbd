"""Lists, statistics and metrics among a million runs."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

from runner.run import RunState, Trigger
from runner.store import counts, gauges, health, lists, runs, statistics
from runner.store.connection import Connection, connect
from tests.bench import archive
from tests.bench.caller import Caller
from tests.bench.figures import Aim, Figure, times
from tests.bench.size import Size
from tests.bench.stack import Stack, open_stack
from tests.playbooks import SLEEPING

PAGE = 50
AIM = Aim("p99", 20)
RARE = (RunState.FAILED, RunState.TIMED_OUT, RunState.LOST)


def measure(size: Size) -> list[Figure]:
    """Ask for every filter and all that go together, then by HTTP."""
    with open_stack(with_runner=False) as stack:
        archive.fill(stack.database.url, size.final_rows)
        with connect(stack.database.url) as conn:
            return [
                *_lists(conn, size),
                *_store(conn, size),
                *_http(stack, size),
            ]


def _filters(final_rows: int) -> dict[str, dict[str, Any]]:
    def ago(share: float) -> datetime:
        return datetime.now(UTC) - timedelta(seconds=share * final_rows * 31)

    return {
        "succeeded": {"states": [RunState.SUCCEEDED]},
        "lost": {"states": [RunState.LOST]},
        "queued": {"states": [RunState.QUEUED]},
        "three rare states": {"states": RARE},
        "all final states": {"states": [state for state in RunState if state.is_final]},
        "a busy template": {"template": "t0"},
        "a rare template": {"template": "rare"},
        "no template": {"template": "unknown"},
        "ten of the templates": {"among": [f"t{n}" for n in range(190, 200)]},
        "api": {"trigger": Trigger.API},
        "reruns": {"trigger": Trigger.RERUN},
        "of one run": {"rerun_of": 5},
        "since a month": {"since": ago(0.08)},
        "until a year ago": {"until": ago(0.95)},
        "a week of last summer": {"since": ago(0.42), "until": ago(0.4)},
    }


def _lists(conn: Connection, size: Size) -> Iterator[Figure]:
    """The first page, one in the middle and one of the oldest; of one filter, and of several."""
    filters = _filters(size.final_rows)
    places = (None, size.final_rows // 2, size.final_rows // 50)
    worst: tuple[float, str, list[float]] = (0.0, "", [])
    for number in (0, 1, 2, 3):
        ours, floors = [], []
        for names in _that_go_together(filters, number):
            asked = {key: value for name in names for key, value in filters[name].items()}
            for before in places:
                pairs = [_page(conn, before, asked) for _ in range(size.pages)]
                seconds = [pair[0] for pair in pairs]
                ours += seconds
                floors += [pair[1] for pair in pairs]
                worst = max(
                    worst, (sorted(seconds)[len(seconds) // 2], " and ".join(names), seconds)
                )
        among = f"{size.final_rows:,} runs"
        yield times(f"a page by {number} filters among {among}", ours, floors, AIM)
    yield times(f"  … the slowest of these: {worst[1]}", worst[2], aim=AIM)


def _that_go_together(filters: dict[str, Any], number: int) -> Iterator[tuple[str, ...]]:
    for names in combinations(filters, number):
        keys = [key for name in names for key in filters[name]]
        if len(set(keys)) == len(keys):
            yield names


def _page(conn: Connection, before: int | None, asked: dict[str, Any]) -> tuple[float, float]:
    """Seconds for a page, and for the same rows by their ids."""
    began = time.perf_counter()
    found = lists.page(conn, limit=PAGE + 1, before=before, **asked)
    ended = time.perf_counter()
    runs.find_many(conn, [run.id for run in found])
    return ended - began, time.perf_counter() - ended


def _store(conn: Connection, size: Size) -> Iterator[Figure]:
    fifty = [f"t{n}" for n in range(50)]
    for what, look in (
        ("30 days of the busiest template", lambda: _statistics(conn, 30)),
        ("366 days of it", lambda: _statistics(conn, 366)),
        ("the last 30 runs of 50 templates", lambda: statistics.recent(conn, fifty)),
        ("the usual time of a template", lambda: statistics.usual_seconds(conn, "t0")),
        ("what /metrics reads", lambda: _metrics(conn)),
    ):
        yield times(what, *_beside(conn, look, size.looks), AIM)


def _statistics(conn: Connection, days: int) -> None:
    statistics.of_template(conn, "t0", days=days)


def _metrics(conn: Connection) -> None:
    health.read(conn), gauges.read(conn), counts.read(conn)


def _beside(
    conn: Connection, look: Callable[[], object], count: int
) -> tuple[list[float], list[float]]:
    """Seconds of *look*, and of SELECT 1."""
    ours, floors = [], []
    for _ in range(count):
        began = time.perf_counter()
        look()
        ended = time.perf_counter()
        conn.execute("SELECT 1")
        ours.append(ended - began)
        floors.append(time.perf_counter() - ended)
    return ours, floors


def _http(stack: Stack, size: Size) -> Iterator[Figure]:
    """The same from outside, beside an application that only answers."""
    bare = stack.start_bare()
    with Caller(stack.port) as ours, Caller(bare) as theirs:
        for path in (
            "/runs",
            "/runs?state=lost",
            "/runs?template=t0&state=failed&trigger=chat",
            "/templates/t0/statistics",
            "/templates/t0/recent",
        ):
            request = stack.request("GET", path)
            yield _answers(f"GET {path}", ours, theirs, request, size.looks)
        look = stack.request("GET", f"/runs/{size.final_rows // 2}")
        yield _answers("GET /runs/{id}", ours, theirs, look, size.looks)
        stack.declare(SLEEPING)
        trigger = stack.trigger
        yield _answers("POST /templates/{name}/runs", ours, theirs, trigger, size.looks)
        metrics = stack.request("GET", "/metrics").replace(b"/api/v1", b"", 1)
        yield _answers("GET /metrics", ours, theirs, metrics, size.looks)


def _answers(what: str, ours: Caller, theirs: Caller, request: bytes, count: int) -> Figure:
    seconds, floors = [], []
    for _ in range(count):
        answer = ours.send(request)
        if answer.status >= 300:
            raise RuntimeError(f"{what} was answered {answer.status}")
        seconds.append(answer.seconds)
        floors.append(theirs.send(request).seconds)
    return times(what, seconds, floors, AIM)
