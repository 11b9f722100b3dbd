"""What the platform asks."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from runner.store import runners
from runner.store.connection import Connection
from tests.api import NO_POSTGRES, NO_REDIS

MakeClient = Callable[..., FlaskClient]


def test_health_needs_nobody(make_client: MakeClient) -> None:
    client = make_client(database_url=NO_POSTGRES, redis_url=NO_REDIS)

    assert client.get("/health").json == {"status": "ok"}


def test_ready_counts_the_runners_and_tells_how_they_hold_families(
    client: FlaskClient, conn: Connection
) -> None:
    for number, containment in enumerate(["cgroup v2", "cgroup v2", "subreaper"]):
        place = {"machine": "m", "boot": "b", "containment": containment}
        runners.beat(conn, f"runner-{number}", slots=3, busy=0, **place)

    response = client.get("/ready")

    assert response.status_code == 200
    assert response.json == {
        "status": "ready",
        "postgres": "ok",
        "redis": "ok",
        "runners": 3,
        "containment": {"cgroup v2": 2, "subreaper": 1},
    }


def test_without_redis_it_is_degraded_but_ready(make_client: MakeClient) -> None:
    response: Any = make_client(redis_url=NO_REDIS).get("/ready")

    assert response.status_code == 200
    assert response.json["status"] == "degraded"
    assert response.json["redis"] == "does not answer"


def test_without_its_schema_it_is_not_ready(client: FlaskClient, conn: Connection) -> None:
    conn.execute("DROP TABLE migrations")

    response: Any = client.get("/ready")

    assert response.status_code == 503
    assert "migrate" in response.json["postgres"]


def test_without_postgres_it_is_not_ready(make_client: MakeClient) -> None:
    response: Any = make_client(database_url=NO_POSTGRES).get("/ready")

    assert response.status_code == 503
    assert response.json["postgres"] == "does not answer"


def test_the_documentation_needs_no_script_and_no_other_site(app: Flask) -> None:
    response = app.test_client().get("/docs")

    assert "script" not in response.text
    assert "src=" not in response.text
    assert "POST /api/v1/runs/{run_id}/stop" in response.text
