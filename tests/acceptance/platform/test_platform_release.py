"""The release phase comes first; a new version starts beside the old one."""

import psycopg
import pytest

from runner.run import RunState
from tests.sandboxes import gateway
from tests.sandboxes.service import Service
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(300)  # a busy machine takes its time for sandboxes


@pytest.fixture
def database_url(services, server, worker):
    """A database that nothing was released to."""
    name = f"blank_{worker}"
    server.execute(f"CREATE DATABASE {name}")
    yield services["postgres"].replace("/postgres?", f"/{name}?")
    server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def tables(url):
    with psycopg.connect(url) as conn:
        found = conn.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        return found.fetchone()[0]


def test_what_is_up_before_the_release_waits_for_it(platform, web, database_url):
    platform.start("runner.1")
    log = platform.folder / "runner.1.log"
    wait_until(lambda: "waiting for Postgres" in log.read_text())

    assert web.call("GET", "//health").status == 200
    ready = web.call("GET", "//ready")
    assert ready.status == 503
    word = next(word for word in ready.json["words"] if word["part"] == "postgres")
    assert "Run the release phase" in word["advice"]
    refused = web.call("GET", "/runs")
    assert refused.status == 503
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert "run the release phase" in refused.json["detail"]

    assert platform.release() == 0

    service = Service(platform, database_url)
    service.declare(web)
    done = service.await_end(service.trigger(web, seconds=0))
    assert done.state is RunState.SUCCEEDED
    assert web.call("GET", "//ready").status == 200
    assert platform.release() == 0  # again, as with every version
    assert service.lies() == []
    service.close()


def test_a_release_that_fails_says_why_and_changes_nothing(platform, database_url):
    nowhere = f"postgres://curtain:secret@{gateway.ADDRESS}:1/name"

    assert platform.run("release.1", DATABASE_URL=nowhere) != 0

    said = (platform.folder / "release.1.log").read_text()
    assert "Traceback" not in said
    assert f"{gateway.ADDRESS}" in said
    assert "secret" not in said
    assert tables(database_url) == 0
