"""The application in this process, with the test's own Postgres and Redis, and runs to show."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from psycopg.types.json import Jsonb

from app.factory import create_app
from app.services import services_of
from runner.judge import Verdict
from runner.run import Run, RunState, Trigger
from runner.settings import Settings
from runner.store import claims, moves, output, runs, stops
from runner.store.connection import Connection
from runner.template import Template
from runner.wanted import Wanted
from tests.api import BEARER, TEMPLATE, TOKEN
from tests.sides import HOOK, SCHEDULE, Side


@pytest.fixture
def settings(database_url: str, redis_url: str) -> Settings:
    """Settings of the application."""
    return Settings.from_environ(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "CURTAIN_ADMIN_TOKEN": TOKEN,
            "CURTAIN_SECRET_KEY": "a-key-of-the-tests",
            "CURTAIN_FOLLOWERS": "3",
        }
    )


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application."""
    app = create_app(settings)
    yield app
    services_of(app).close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Somebody with the token."""
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = BEARER
    return client


@pytest.fixture
def make_client(settings: Settings) -> Iterator[Callable[..., FlaskClient]]:
    """Makes clients of applications with other settings, above all ones whose services are away."""
    apps = []

    def make(**changes: object) -> FlaskClient:
        apps.append(create_app(settings.model_copy(update=changes)))
        client = apps[-1].test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = BEARER
        return client

    yield make
    for app in apps:
        services_of(app).close()


@pytest.fixture
def template(client: FlaskClient) -> str:
    """The name of a template."""
    assert client.put("/api/v1/templates/deploy", json=TEMPLATE).status_code == 201
    return "deploy"


@pytest.fixture
def queued(conn: Connection) -> Callable[[], Run]:
    """Makes runs that wait."""

    def make() -> Run:
        spec = Template.model_validate(TEMPLATE).spec()
        wanted = Wanted(template="deploy", spec=spec, trigger=Trigger.API, by="admin")
        run = runs.insert(conn, wanted)
        assert run is not None
        return run

    return make


@pytest.fixture
def running(conn: Connection, queued: Callable[[], Run]) -> Callable[[], Run]:
    """Makes runs that a runner holds, without any process."""

    def make() -> Run:
        run = claims.claim(
            conn,
            queued().id,
            runner="runner-1",
            machine="machine-1",
            boot="boot",
            token=uuid4(),
            lease=60,
        )
        assert run is not None
        return run

    return make


@pytest.fixture
def finish(conn: Connection) -> Callable[[Run], Run]:
    """Ends runs with success."""

    def end(run: Run) -> Run:
        verdict = Verdict(state=RunState.SUCCEEDED, message="done", exit_code=0)
        ended = moves.finish(
            conn,
            run,
            verdict,
            actor="runner-1",
            complete=True,
            truncated=False,
        )
        assert ended is not None
        return ended

    return end


@pytest.fixture
def write(conn: Connection) -> Callable[[Run, int, bytes], None]:
    """Stores output of runs."""

    def store(run: Run, start: int, chunk: bytes) -> None:
        assert run.lease_token is not None
        assert output.append(conn, run.id, run.lease_token, start, chunk)

    return store


@pytest.fixture
def make_side(client: FlaskClient, conn) -> Callable[[str], Side]:
    """Makes a template, a final run, a hook, a schedule, a delivery and a dead notification."""

    def make(template: str) -> Side:
        spec = Template.model_validate(TEMPLATE).spec()
        client.put(f"/api/v1/templates/{template}", json=TEMPLATE)
        run = runs.insert(conn, Wanted(template=template, spec=spec, trigger=Trigger.API, by="x"))
        stops.request_stop(conn, run.id, by="x", reason=None, force=False)
        hook = f"hook-of-{template}"
        put = client.put(f"/api/v1/hooks/{hook}", json=HOOK | {"template": template})
        assert put.status_code in (200, 201), put.json
        schedule = f"schedule-of-{template}"
        put = client.put(f"/api/v1/schedules/{schedule}", json=SCHEDULE | {"template": template})
        assert put.status_code in (200, 201), put.json
        delivery = conn.execute(
            """INSERT INTO deliveries (hook, key, decision, why, event)
               VALUES (%s, 'k', 'ignored', 'a test', %s) RETURNING id""",
            [hook, Jsonb({})],
        ).fetchone()["id"]
        notification = conn.execute(
            """INSERT INTO notifications (event_id, run_id, occasion, target, state, reason)
               SELECT max(id), %s, 'stopped', -1, 'dead', 'a test' FROM run_events WHERE run_id = %s
               RETURNING id""",
            [run.id, run.id],
        ).fetchone()["id"]
        return Side(template, hook, schedule, run.id, delivery, notification)

    return make


@pytest.fixture
def caller(client: FlaskClient) -> Callable[..., FlaskClient]:
    """Makes somebody with rights, over templates."""

    def make(*rights: str, templates: tuple[str, ...] = (), name: str = "somebody") -> FlaskClient:
        client.delete(f"/api/v1/tokens/{name}")
        body = {"name": name, "rights": rights, "templates": templates}
        made = client.post("/api/v1/tokens", json=body)
        assert made.status_code == 201, made.json
        own = client.application.test_client()
        own.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {made.json['token']}"
        return own

    return make
