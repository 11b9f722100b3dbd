"""A storm of deliveries, in which Redis is restarted and a web process is killed."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis

from runner import queue
from runner.store.migrate import migrate
from tests.api import TEMPLATE
from tests.formation import TOKEN, Formation
from tests.hooks.signing import SECRET, headers, payload
from tests.servers import Server, own_servers
from tests.waiting import wait_until

CONNECTIONS = 50
EACH = 20
PATIENCE = 60.0  # seconds in which a sender tries again


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    """A Postgres and a Valkey of the test's own, to be restarted."""
    with own_servers() as pair:
        migrate(pair[0].url)
        yield pair


@pytest.fixture
def formation(servers: tuple[Server, Server], tmp_path: Path) -> Iterator[Formation]:
    database, cache = servers
    environ = {
        "DATABASE_URL": database.url,
        "REDIS_URL": cache.url,
        "CURTAIN_ADMIN_TOKEN": TOKEN,
        "CURTAIN_SECRET_KEY": "s" * 32,
        "RUNNER_LEASE": "3",
        "WEB_CONCURRENCY": "2",
    }
    started = Formation(environ, tmp_path)
    yield started
    started.stop()


class Sender:
    """Sends deliveries one after another, each again until it is taken, as a careful host does."""

    def __init__(self, port: int, taken: threading.Semaphore) -> None:
        self._port = port
        self._taken = taken
        self.statuses: Counter[int] = Counter()

    def send(self, number: int) -> int:
        """Send one; tell its run."""
        content = payload("github/push_branch") | {"ref": f"refs/heads/branch-{number}"}
        body = json.dumps(content).encode()
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            try:
                answer = self._post(body, str(number))
            except (OSError, HTTPException):
                self.statuses[0] += 1
                continue
            if answer is not None:
                self._taken.release()
                return answer
        raise AssertionError(f"delivery {number} was never taken: {self.statuses}")

    def _post(self, body: bytes, delivery: str) -> int | None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("POST", "/hooks/site", body, headers(body, delivery=delivery))
            answer = connection.getresponse()
            told = json.loads(answer.read())
        finally:
            connection.close()
        self.statuses[answer.status] += 1
        return told["runs"][0] if answer.status in (200, 202) else None


@pytest.mark.timeout(300)
def test_of_a_thousand_deliveries_none_is_lost_and_none_is_doubled(
    formation: Formation, servers: tuple[Server, Server]
) -> None:
    database, cache = servers
    client = formation.start_web()
    assert client.call("PUT", "/templates/deploy", TEMPLATE).status == 201
    hook = {"sender": "github", "secret": SECRET, "template": "deploy"}
    assert client.call("PUT", "/hooks/site", hook).status == 201
    taken = threading.Semaphore(0)
    senders = [Sender(formation.port, taken) for _ in range(CONNECTIONS)]

    def send_share(at: int) -> list[int]:
        return [senders[at].send(at * EACH + number) for number in range(EACH)]

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        shares = [pool.submit(send_share, at) for at in range(CONNECTIONS)]
        for _ in range(CONNECTIONS * EACH // 4):
            assert taken.acquire(timeout=PATIENCE)
        cache.stop()
        worker = next(iter(psutil.Process(formation.processes[0].pid).children()))
        worker.kill()
        for _ in range(CONNECTIONS * EACH // 4):
            assert taken.acquire(timeout=PATIENCE)
        cache.start()
        runs = [run for share in shares for run in share.result(timeout=PATIENCE * 2)]

    total = CONNECTIONS * EACH
    assert len(set(runs)) == total
    with psycopg.connect(database.url) as conn:
        kept = conn.execute("SELECT id FROM runs WHERE state = 'queued'").fetchall()
        noted = conn.execute("SELECT key, run_id FROM deliveries ORDER BY key::int").fetchall()
    assert {row[0] for row in kept} == set(runs)
    assert noted == [(str(number), run) for number, run in enumerate(runs)]
    formation.start_watchdog()
    with Redis.from_url(cache.url) as redis:
        wait_until(lambda: queue.waiting(redis) == set(runs), timeout=90)
