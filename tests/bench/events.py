"""What storing and reading events costs: a run of 1,000 hosts and up to 200 tasks, without Ansible.

The lines of the plugin's file go the runner's way: read, masked, counted, stored.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

from app.factory import create_app
from app.services import services_of
from runner.masks import Mask
from runner.plugin import EVENTS
from runner.run import Run, Trigger
from runner.settings import Settings
from runner.store import claims, runs
from runner.store.connection import Connection, connect
from runner.store.migrate import migrate
from runner.telling import Telling
from runner.wanted import Wanted
from tests.api import BEARER, TEMPLATE, TOKEN
from tests.bench.figures import Aim, Figure, Spread, times
from tests.bench.size import Size
from tests.runners import SPEC
from tests.servers import own_servers

HOSTS = 1000
TABLES = ("run_results", "run_notes", "run_tasks", "run_host_progress", "run_reading")
READS = {
    "matrix, 5,000 results": "results?limit=5000",
    "matrix, its last page": "results?limit=5000&after={last}",
    "results of a host": "results?host=host500.example.com&limit=500",
    "results of a task": "results?task=10&limit=5000",
    "results that failed": "results?status=failed&limit=5000",
    "tasks, slowest first": "tasks?order=slowest&limit=20",
    "hosts, a page of 100": "hosts?limit=100",
    "hosts that failed": "hosts?state=failed&limit=500",
    "events, 500 of all kinds": "events?kind=move&kind=task&kind=result&limit=500",
}


def measure(size: Size) -> list[Figure]:
    """Store a run's events, then read them over the API, in this process."""
    with own_servers() as (database, cache), tempfile.TemporaryDirectory() as folder:
        migrate(database.url)
        conn = connect(database.url)
        run = _running(conn)
        _write(Path(folder), HOSTS, size.event_tasks)
        batches = list(_store(conn, run, Path(folder)))
        settings = Settings.from_environ(
            {
                "DATABASE_URL": database.url,
                "REDIS_URL": cache.url,
                "CURTAIN_ADMIN_TOKEN": TOKEN,
                "CURTAIN_SECRET_KEY": "a-key-of-the-benchmarks",
            }
        )
        figures = [
            times(
                f"{HOSTS * size.event_tasks:,} results: a batch stored",
                batches,
                aim=Aim("p99", 100),
            )
        ]
        figures += [_rate(conn, batches), _weight(conn)]
        figures += _reads(settings, conn, run, size.reads)
        conn.close()
        return figures


def _running(conn: Connection) -> Run:
    spec = {**SPEC, **TEMPLATE}
    wanted = Wanted(template="bench", spec=spec, trigger=Trigger.API, by="bench")
    queued = runs.insert(conn, wanted)
    assert queued is not None
    who = {"runner": "bench", "machine": "bench", "boot": "bench"}
    run = claims.claim(conn, queued.id, token=uuid4(), lease=3600, **who)
    assert run is not None
    return run


def _write(folder: Path, hosts: int, tasks: int) -> None:
    """As the plugin writes it; one in a hundred fails."""
    now = time.time()
    with (folder / EVENTS).open("w") as file:

        def say(event: str, **line: object) -> None:
            file.write(json.dumps({"event": event, "at": now, **line}) + "\n")

        say("start")
        say("play", number=1, name="everything")
        for task in range(1, tasks + 1):
            path = "roles/web/tasks/main.yml:10"
            say("task", number=task, play="everything", name=f"a {task}", action="x", path=path)
            for host in range(hosts):
                name = f"host{host}.example.com"
                say("began", host=name, task=task)
                how = {"status": "failed", "message": "non-zero return code\nno such file"}
                ok = {"status": "ok", "changed": host % 5 == 0}
                came = how if host % 100 == 99 else ok
                say("result", host=name, task=task, seconds=0.123, **came)
        say("stats", hosts=hosts, **dict.fromkeys(_COUNTS, 1))


_COUNTS = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")


def _store(conn: Connection, run: Run, folder: Path) -> Iterator[float]:
    """Seconds of each batch: so long a runner's loop has no time for others."""
    telling = Telling(folder, Mask({f"s{n}": f"secret number {n}" for n in range(10)}), 10**7)
    telling.open()
    while telling.waiting:
        began = time.perf_counter()
        assert telling.write(conn, run)
        yield time.perf_counter() - began
    telling.close()


def _rate(conn: Connection, batches: list[float]) -> Figure:
    row = conn.execute("SELECT count(*) AS stored FROM run_results").fetchone()
    assert row is not None
    rate = row["stored"] / sum(batches)
    copied = _copied(conn, row["stored"] // len(batches))
    return Figure(
        what="results read, masked, counted and stored (floor: COPY of the rows)",
        unit="/s",
        ours=Spread.one(rate, len(batches)),
        floor=Spread.one(copied),
    )


def _copied(conn: Connection, batch: int) -> float:
    """Rows a second by COPY, with the same indexes, by batches as large: nothing else is done."""
    conn.execute("CREATE TABLE copied (LIKE run_results INCLUDING ALL)")
    columns = "run_id, id, at, task, host, seconds, status, detail::text"
    found = conn.execute(f"SELECT {columns} FROM run_results LIMIT {10 * batch}").fetchall()
    rows = [tuple(row.values()) for row in found]
    began = time.perf_counter()
    for first in range(0, len(rows), batch):
        with conn.cursor().copy("COPY copied FROM STDIN") as copy:
            for row in rows[first : first + batch]:
                copy.write_row(row)
    seconds = time.perf_counter() - began
    conn.execute("DROP TABLE copied")
    return len(rows) / seconds


def _weight(conn: Connection) -> Figure:
    conn.execute("VACUUM ANALYZE")
    sizes = [f"pg_total_relation_size('{table}')" for table in TABLES]
    row = conn.execute(f"SELECT {' + '.join(sizes)} AS bytes").fetchone()
    assert row is not None
    megabytes = row["bytes"] / 2**20
    return Figure(what="all of them on disk", unit="MB", ours=Spread.one(megabytes))


def _reads(settings: Settings, conn: Connection, run: Run, count: int) -> list[Figure]:
    row = conn.execute("SELECT max(id) - 5000 AS last FROM run_results").fetchone()
    assert row is not None
    app = create_app(settings)
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = BEARER

    def get(path: str) -> None:
        answer = client.get(f"/api/v1/runs/{run.id}/{path.format(last=row['last'])}")
        assert answer.status_code == 200, answer.text

    figures = [
        times(what, [_seconds(get, path) for _ in range(count)]) for what, path in READS.items()
    ]
    services_of(app).close()
    return figures


def _seconds(get: Callable[[str], None], path: str) -> float:
    began = time.perf_counter()
    get(path)
    return time.perf_counter() - began
