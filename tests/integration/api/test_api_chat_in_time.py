"""Chats wait for three seconds: whatever hangs, they are answered, and truly."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from redis import Redis

from app.factory import create_app
from app.services import services_of
from runner.queue import queue_of_notifications
from runner.settings import Settings
from runner.store.migrate import migrate
from tests.api import BEARER, TEMPLATE
from tests.hooks.signing import SECRET as PUSH_SECRET
from tests.hooks.signing import deliver, payload
from tests.servers import Server, own_servers
from tests.waiting import wait_until

TOKEN = "the-token-of-the-tests"
DEADLINE = 3.0  # seconds
PEOPLE = [{"users": ["U1"], "rights": ["read", "run", "stop"]}]
SERVER = "https://chat.example"


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    """A Postgres that can be frozen, and a Valkey."""
    with own_servers() as pair:
        migrate(pair[0].url)
        yield pair
        pair[0].thaw()


@pytest.fixture
def app(settings: Settings, servers: tuple[Server, Server]) -> Iterator[Flask]:
    """The application on these."""
    ours = {"database_url": servers[0].url, "redis_url": servers[1].url}
    app = create_app(settings.model_copy(update=ours))
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = BEARER
    push = {"sender": "github", "secret": PUSH_SECRET, "template": "deploy"}
    chat = {"sender": "mattermost", "secret": TOKEN, "people": PEOPLE, "server": SERVER}
    for path, body in (("templates/deploy", TEMPLATE), ("hooks/site", push), ("hooks/ops", chat)):
        assert client.put(f"/api/v1/{path}", json=body).status_code == 201
    yield app
    services_of(app).close()


@pytest.fixture
def say(app: Flask) -> Callable[[str], str]:
    """Type something; tells what is answered in time."""

    def typed(text: str) -> str:
        fields = {"user_id": "U1", "command": "/curtain", "token": TOKEN, "text": text}
        told = {"trigger_id": f"trigger {text}", "response_url": f"{SERVER}/hooks/1"}
        began = time.monotonic()
        answer = app.test_client().post("/hooks/ops", data=fields | told)
        assert time.monotonic() - began < DEADLINE
        assert answer.status_code == 200
        assert answer.json is not None
        return str(answer.json["text"])

    return typed


def test_with_postgres_frozen_a_chat_is_told_so(
    say: Callable[[str], str], servers: tuple[Server, Server]
) -> None:
    assert say("runs") == "There are no runs."
    servers[0].freeze_all()

    assert "database does not answer" in say("run deploy")
    servers[0].thaw()
    wait_until(lambda: say("runs") == "There are no runs.")  # and none came later


def test_with_postgres_frozen_a_host_is_told_to_come_again(
    app: Flask, say: Callable[[str], str], servers: tuple[Server, Server]
) -> None:
    client = app.test_client()
    assert deliver(client, payload("github/push_branch")).status_code == 202
    servers[0].freeze_all()
    began = time.monotonic()

    late = deliver(client, payload("github/push_branch"), delivery="2")
    forged = deliver(client, payload("github/push_branch"), secret="another-secret")

    assert time.monotonic() - began < 2 * DEADLINE
    assert (late.status_code, forged.status_code) == (503, 401)
    assert late.headers["Retry-After"]


def test_what_takes_longer_is_done_once_and_told_later(
    say: Callable[[str], str], servers: tuple[Server, Server]
) -> None:
    database, cache = servers
    with psycopg.connect(database.url) as conn:
        conn.execute("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE")
        assert "takes longer than it should" in say("run deploy")
        conn.rollback()

        def runs() -> list[Any]:
            with conn.transaction():
                return conn.execute("SELECT id FROM runs").fetchall()

        wait_until(lambda: len(runs()) == 1)
    with Redis.from_url(cache.url) as redis:
        wait_until(lambda: queue_of_notifications(redis).count == 1)
        [job] = queue_of_notifications(redis).get_jobs()
        assert job.func_name == "jobs.says.say"
        assert TOKEN not in str(job.args)
        assert SERVER not in str(job.args)
