"""Many runners on one Postgres and one Redis, as there is ever more: runs, a queue, a history.

Each figure of a stage stands beside the same of the first one, with idle runners and nothing else:
the ratio is how it has grown. The stubs of runs are shells that sleep: Ansible's own memory and
processor are the machine's limit long before Curtain's, and 50 real ones play beside them.
"""

import http.client
import stat
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import psycopg
from psycopg.types.json import Jsonb

from app.bootstrap import terminal
from runner import clients, queue
from tests.bench import archive
from tests.bench.caller import Caller
from tests.bench.figures import Figure, Spread, times
from tests.bench.size import Size
from tests.bench.stack import TEMPLATE, TOKEN, Stack, open_stack
from tests.playbooks import SLEEPING
from tests.waiting import wait_until

STUB = "#!/bin/sh\necho ready\nexec sleep 3600\n"
SLOTS = 10  # of each runner
REAL = "real"  # the queue and the template of those that are Ansible
PATIENCE = 600.0  # seconds until all are playing on a busy machine
IDLE = 10.0  # seconds in which the processors' time is taken

QUEUED = """
    INSERT INTO runs (template, spec, trigger, triggered_by)
    SELECT %(template)s, (SELECT spec FROM templates WHERE name = %(template)s), 'api', 'ada'
      FROM generate_series(1, %(count)s) RETURNING id"""

#: Samples by what they are of, for one stage.
Stage = dict[str, list[float]]


def measure(size: Size) -> list[Figure]:
    """Fill it stage by stage, and measure the same in each."""
    with open_stack(with_runner=False, WEB_CONCURRENCY="2", RUNNER_RUN_MEMORY="0") as stack:
        _declare(stack)
        runners = [_start_runner(stack) for _ in range(size.scale_runners)]
        stages: dict[str, Stage] = {}
        for name, fill in _fills(stack, size):
            fill()
            terminal.say(f"scale: {name}")
            stages[name] = _look(stack, runners, size)
        return [*_figures(stages), *_weights(stack, runners, size)]


def _declare(stack: Stack) -> None:
    stub = stack.folder / "stub"
    stub.write_text(STUB)
    stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
    stack.declare(SLEEPING)
    spec = stack.call("GET", f"/templates/{TEMPLATE}")["spec"]
    stack.call("PUT", f"/templates/{REAL}", {**spec, "queue": REAL, "timeout": 86_400})
    stack.call("PUT", f"/templates/{TEMPLATE}", {**spec, "timeout": 86_400})


def _start_runner(stack: Stack) -> psutil.Process:
    child = stack.start_runner(
        ANSIBLE_PLAYBOOK=str(stack.folder / "stub"), RUNNER_SLOTS=str(SLOTS), RUNNER_START="cold"
    )
    return psutil.Process(child.process.pid)


def _fills(stack: Stack, size: Size) -> Iterator[tuple[str, Callable[[], None]]]:
    slots = size.scale_runners * SLOTS
    yield f"{size.scale_runners} runners of {SLOTS} slots, idle", lambda: None
    yield (
        f"{slots} stubs and {size.scale_real} plays at once",
        lambda: _fill_slots(stack, slots, size.scale_real),
    )
    yield f"… and {size.scale_queued:,} queued", lambda: _fill_queue(stack, size.scale_queued)
    yield f"… and {size.scale_rows:,} that ended", lambda: _fill_history(stack, size.scale_rows)


def _fill_slots(stack: Stack, stubs: int, real: int) -> None:
    stack.start_runner(RUNNER_QUEUES=REAL, RUNNER_SLOTS=str(real))
    for name, count in ((TEMPLATE, stubs), (REAL, real)):
        for _ in range(count):
            stack.call("POST", f"/templates/{name}/runs", {})
    wait_until(lambda: _playing(stack, TEMPLATE) >= stubs, timeout=PATIENCE, interval=0.5)
    wait_until(lambda: _playing(stack, REAL) >= real, timeout=PATIENCE, interval=0.5)


def _playing(stack: Stack, template: str) -> int:
    return len(_live(stack, template))


def _live(stack: Stack, template: str) -> list[int]:
    rows = stack.conn.execute(
        """SELECT id FROM runs WHERE state = 'running' AND phase = 'playing' AND template = %s
              AND stop_requested_at IS NULL AND output_bytes > 0 ORDER BY id""",
        [template],
    ).fetchall()
    return [row["id"] for row in rows]


def _fill_queue(stack: Stack, count: int) -> None:
    """As that many triggers leave it: rows in Postgres, and a job of each in Redis."""
    with psycopg.connect(stack.database.url, autocommit=True) as conn:
        ids = conn.execute(QUEUED, {"template": TEMPLATE, "count": count}).fetchall()
    with clients.connect(stack.environ["REDIS_URL"]) as redis:
        for (run_id,) in ids:
            queue.enqueue(redis, run_id, timeout=86_400)


def _fill_history(stack: Stack, count: int) -> None:
    values: dict[str, Any] = {"spec": Jsonb(archive.WIDE), "templates": archive.TEMPLATES}
    with psycopg.connect(stack.database.url, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")  # no notes: they are old runs
        conn.execute(archive.ENDED, {**values, "count": count})
        conn.execute("VACUUM ANALYZE runs")


def _look(stack: Stack, runners: list[psutil.Process], size: Size) -> Stage:
    """Measure all of one stage."""
    stage: Stage = {"trigger: POST → 202": [], "GET /runs": [], "GET /runs/{id}, running": []}
    stage["GET /runs/{id}, queued, with why"] = []
    stage["force → row final, of any runner"], stage["force → its follower is told"] = [], []
    with Caller(stack.port) as caller:

        def ask(what: str, method: str, path: str, body: object = None) -> bytes:
            answer = caller.send(stack.request(method, path, body))
            if answer.status >= 300:
                raise RuntimeError(f"{path} was answered {answer.status}: {answer.body!r}")
            stage[what].append(answer.seconds)
            return answer.body

        for _ in range(size.scale_looks):
            ask("trigger: POST → 202", "POST", f"/templates/{TEMPLATE}/runs", {})
            ask("GET /runs", "GET", "/runs")
        queued = stack.conn.execute("SELECT max(id) AS id FROM runs WHERE state = 'queued'")
        waits = (queued.fetchone() or {})["id"]
        wait_until(lambda: len(_live(stack, TEMPLATE)) >= size.scale_stops, timeout=PATIENCE)
        live = _live(stack, TEMPLATE)
        for number in range(size.scale_looks):
            shown = live[number % len(live)]
            ask("GET /runs/{id}, running", "GET", f"/runs/{shown}")
            if waits is not None:
                ask("GET /runs/{id}, queued, with why", "GET", f"/runs/{waits}")
    step = max(1, len(live) // size.scale_stops)
    for run_id in live[::step][: size.scale_stops]:
        told, final = _stop(stack, run_id)
        stage["force → its follower is told"].append(told)
        stage["force → row final, of any runner"].append(final)
    stage["a round of the watchdog"] = _rounds(stack, size.scale_rounds)
    stage["processor of a runner, seconds an hour"] = _processor(runners)
    return stage


def _stop(stack: Stack, run_id: int) -> tuple[float, float]:
    """Seconds from a forced stop to the follower's last event, and to the final row."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=60)
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "text/event-stream"}
    connection.request("GET", f"/api/v1/runs/{run_id}/output", headers=headers)
    followed = connection.getresponse()
    followed.readline()
    began = time.perf_counter()
    stack.call("POST", f"/runs/{run_id}/stop", {"force": True})
    while followed.readline():  # until the server has told of the end, and hangs up
        pass
    told = time.perf_counter() - began
    connection.close()
    row = stack.conn.execute(
        """SELECT extract(epoch FROM finished_at - stop_requested_at)::double precision AS seconds
             FROM runs WHERE id = %s AND state = 'stopped'""",
        [run_id],
    ).fetchone()
    if row is None:
        raise RuntimeError(f"run {run_id} is not stopped, and its follower was told of an end")
    return told, row["seconds"]


def _rounds(stack: Stack, count: int) -> list[float]:
    """Seconds that the next rounds of the one take that has the watch."""
    seconds: list[float] = []
    last = None
    while len(seconds) < count:
        row = stack.conn.execute("SELECT rounds, round_seconds FROM watch").fetchone()
        assert row is not None
        if last is not None and row["rounds"] != last:
            seconds.append(row["round_seconds"])
        last = row["rounds"]
        time.sleep(0.2)
    return seconds


def _processor(runners: list[psutil.Process]) -> list[float]:
    """Seconds of processor that each takes in an hour, at the pace of now."""
    before = [sum(each.cpu_times()[:2]) for each in runners]
    time.sleep(IDLE)
    after = [sum(each.cpu_times()[:2]) for each in runners]
    return [(end - begin) * 3600 / IDLE for begin, end in zip(before, after, strict=True)]


def _figures(stages: dict[str, Stage]) -> Iterator[Figure]:
    first = next(iter(stages.values()))
    for what in first:
        for name, stage in stages.items():
            if not stage[what]:
                continue
            if "processor" in what:
                yield Figure(
                    what=f"{what}: {name}",
                    unit="s",
                    ours=Spread.of(stage[what]),
                    floor=Spread.of(first[what]),
                )
            else:
                yield times(f"{what}: {name}", stage[what], first[what])


def _weights(stack: Stack, runners: list[psutil.Process], size: Size) -> Iterator[Figure]:
    """What each runner costs its neighbours."""
    with clients.connect(stack.environ["REDIS_URL"]) as redis:
        many = len(redis.client_list())
    row = stack.conn.execute(
        "SELECT count(*) AS many FROM pg_stat_activity WHERE backend_type = 'client backend'"
    ).fetchone()
    assert row is not None
    everything = f"of {size.scale_runners + 1} runners and 2 web processes"
    weighed = {
        f"connections to Postgres {everything}": ("", [float(row["many"])]),
        f"connections to Redis {everything}": ("", [float(many)]),
        "memory of a runner with ten runs": (
            "MB",
            [each.memory_info().rss / 2**20 for each in runners],
        ),
    }
    for what, (unit, values) in weighed.items():
        yield Figure(what=what, unit=unit, ours=Spread.of(values), floor=None)
