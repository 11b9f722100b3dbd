"""Tokens: from the moment they are made to the moment they are revoked, and what they cost."""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import token_form
from app.factory import create_app
from app.services import services_of
from runner.rotate import rotate
from runner.settings import Settings
from runner.store.connection import connect
from runner.vault import Vault
from tests.api import TOKEN
from tests.waiting import wait_until

TOKENS = "/api/v1/tokens"
ME = "/api/v1/me"
NOW = 1_800_000_000.0


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def time(self, seconds: float) -> str:
        """Write the time so many seconds from now."""
        return datetime.fromtimestamp(self.now + seconds, UTC).isoformat()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(settings: Settings, clock: Clock):
    """The application, by a clock of the test's."""
    app = create_app(settings, clock)
    yield app
    services_of(app).close()


@pytest.fixture
def bearer(app: Flask) -> Callable[[str], FlaskClient]:
    """Somebody with that token."""

    def with_token(token: str, of: Flask = app) -> FlaskClient:
        client = of.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return client

    return with_token


def create(client: FlaskClient, name: str = "ci", **fields: object) -> str:
    response = client.post(TOKENS, json={"name": name, **fields})
    assert response.status_code == 201, response.json
    return str(response.json["token"])


def test_a_token_is_shown_once_and_kept_by_nobody(client: FlaskClient, conn) -> None:
    token = create(client)

    shown = [client.get(TOKENS).text, client.get(f"{TOKENS}/ci").text]
    row = conn.execute("SELECT tokens::text || token_key::text AS all FROM tokens, token_key")
    shown.append(row.fetchone()["all"])
    shown.append(str(conn.execute("SELECT * FROM audit").fetchall()))

    secret = token.rpartition("_")[2]
    assert not any(secret in text for text in shown)


def test_a_token_is_told_from_all_else_by_its_form(client: FlaskClient) -> None:
    token = create(client)

    assert re.fullmatch(r"curtain_[0-9a-z]{12}_[0-9A-Za-z]{42}", token)
    assert token_form.read(token) is not None
    mistyped = token[:30] + ("a" if token[30] != "a" else "b") + token[31:]
    assert token_form.read(mistyped) is None


def test_a_new_token_may_only_look(client: FlaskClient, bearer) -> None:
    me = bearer(create(client)).get(ME).json

    assert me == {"name": "ci", "rights": ["read"], "templates": [], "expires_at": None}


def test_a_token_says_what_it_may(client: FlaskClient, bearer) -> None:
    token = create(client, rights=["kill", "read", "kill"], templates=["web-*"])

    assert bearer(token).get(ME).json["rights"] == ["read", "stop", "kill"]
    assert client.get(f"{TOKENS}/ci").json["rights"] == ["read", "kill"]
    assert client.get(f"{TOKENS}/ci").json["created_by"] == "admin"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": "Spaces in it"}, "name"),
        ({"name": "admin"}, "name"),  # the caller of the settings' token
        ({"name": "ci", "rights": []}, "rights"),
        ({"name": "ci", "rights": ["root"]}, "rights.0"),
        ({"name": "ci", "templates": ["\n"]}, "templates.0"),
        ({"name": "ci", "expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "ci", "expires_at": "9999-12-31T23:59:59-14:00"}, "expires_at"),
        ({"name": "ci", "expires_at": "tomorrow"}, "expires_at"),
        ({"name": "ci", "token": "mine"}, "token"),
    ],
)
def test_what_makes_no_token_is_refused(client: FlaskClient, body: dict, field: str) -> None:
    response = client.post(TOKENS, json=body)

    assert response.status_code == 422
    assert [error["field"] for error in response.json["errors"]] == [field]
    assert client.get(TOKENS).json["tokens"] == []


def test_of_two_tokens_made_at_once_with_one_name_one_is_made(client: FlaskClient, app) -> None:
    barrier = threading.Barrier(2)

    def make(_: int) -> int:
        own = app.test_client()
        barrier.wait()
        authorization = {"Authorization": f"Bearer {TOKEN}"}
        return own.post(TOKENS, json={"name": "ci"}, headers=authorization).status_code

    with ThreadPoolExecutor(2) as pool:
        statuses = sorted(pool.map(make, range(2)))

    assert statuses == [201, 409]
    assert len(client.get(TOKENS).json["tokens"]) == 1
    assert len(client.get("/api/v1/audit?action=token.create").json["entries"]) == 1


def test_nobody_makes_a_token_that_outlives_his_own(client, bearer, clock) -> None:
    until = clock.time(3600)
    maker = bearer(create(client, "ops", rights=["admin"], expires_at=until))

    later = maker.post(TOKENS, json={"name": "ci", "expires_at": clock.time(3601)})
    same = maker.post(TOKENS, json={"name": "ci", "expires_at": until})
    unsaid = maker.post(TOKENS, json={"name": "bot"})

    assert (later.status_code, same.status_code, unsaid.status_code) == (422, 201, 201)
    assert datetime.fromisoformat(unsaid.json["expires_at"]) == datetime.fromisoformat(until)


@pytest.mark.parametrize(
    "own",
    [
        {"rights": ["read", "run", "kill"]},
        {"rights": ["admin"], "templates": ["web-*"]},  # else it would make one without
    ],
)
def test_only_who_may_do_everything_makes_tokens(client, bearer, own: dict) -> None:
    maker = bearer(create(client, "ops", **own))

    response = maker.post(TOKENS, json={"name": "ci"})

    assert response.status_code == 403
    assert response.json["right"] == "admin"
    assert client.get(f"{TOKENS}/ci").status_code == 404


def test_a_token_ends_when_it_expires(client, bearer, clock) -> None:
    holder = bearer(create(client, expires_at=clock.time(60)))

    clock.now += 59.9
    before = holder.get(ME).status_code
    clock.now += 0.1
    after = holder.get(ME)

    assert (before, after.status_code) == (200, 401)
    assert "expired" in after.json["detail"]


def test_a_revoked_token_is_refused_at_once_by_every_process(
    client, bearer, settings: Settings, clock
) -> None:
    other = create_app(settings, clock)
    holder = create(client)
    here, there = bearer(holder), bearer(holder, other)
    assert (here.get(ME).status_code, there.get(ME).status_code) == (200, 200)

    assert client.delete(f"{TOKENS}/ci").status_code == 204

    assert (here.get(ME).status_code, there.get(ME).status_code) == (401, 401)
    assert client.delete(f"{TOKENS}/ci").status_code == 404
    services_of(other).close()


def test_a_name_may_be_given_again_and_the_old_token_stays_refused(client, bearer) -> None:
    old = create(client)
    client.delete(f"{TOKENS}/ci")
    new = create(client)

    assert bearer(old).get(ME).status_code == 401
    assert bearer(new).get(ME).status_code == 200


def test_revoking_while_it_is_used_leaves_no_use_behind(client, bearer, app) -> None:
    """Every request that begins behind the revocation's answer is refused."""
    token = create(client)
    revoked = threading.Event()
    seen: list[tuple[bool, int]] = []

    def use(_: int) -> None:
        own = bearer(token)
        for _ in range(40):
            was_revoked = revoked.is_set()
            seen.append((was_revoked, own.get(ME).status_code))

    with ThreadPoolExecutor(4) as pool:
        using = [pool.submit(use, number) for number in range(4)]
        wait_until(lambda: len(seen) > 20)
        assert client.delete(f"{TOKENS}/ci").status_code == 204
        revoked.set()
        for each in using:
            each.result()

    assert (False, 200) in seen
    assert {status for was_revoked, status in seen if was_revoked} <= {401, 429}


def test_a_stream_ends_when_its_token_is_revoked(client, bearer, running, write, clock) -> None:
    run = running()
    write(run, 0, b"before\n")
    follower = bearer(create(client)).get(
        f"/api/v1/runs/{run.id}/output", headers={"Accept": "text/event-stream"}
    )
    parts = iter(follower.response)
    while "before" not in str(next(parts)):
        pass

    client.delete(f"{TOKENS}/ci")
    clock.now += 2
    write(run, 7, b"after\n")

    assert "after" not in "".join(map(str, parts))


def test_when_a_token_was_used_is_known_to_a_minute(client, bearer, clock) -> None:
    clock.now = datetime.now(UTC).timestamp()
    holder = bearer(create(client))
    assert client.get(f"{TOKENS}/ci").json["last_used_at"] is None

    holder.get(ME)

    wait_until(lambda: client.get(f"{TOKENS}/ci").json["last_used_at"])
    used_at = datetime.fromisoformat(client.get(f"{TOKENS}/ci").json["last_used_at"])
    assert abs(used_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_noting_the_use_of_a_token_keeps_nobody_waiting(client, bearer, database_url: str) -> None:
    holder = bearer(create(client))
    with psycopg.connect(database_url) as other:
        other.execute("SELECT * FROM tokens FOR UPDATE")  # whoever would write it waits

        statuses = [holder.get(ME).status_code for _ in range(3)]

    assert statuses == [200, 200, 200]
    wait_until(lambda: client.get(f"{TOKENS}/ci").json["last_used_at"])


def test_another_key_of_the_settings_leaves_tokens_what_they_are(
    client, bearer, settings: Settings, database_url: str
) -> None:
    token = create(client)
    both = f"a-newer-key-of-the-tests,{settings.secret_key}"
    with connect(database_url) as conn:
        assert rotate(conn, Vault(both)) == 0

    for keys in (both, "a-newer-key-of-the-tests"):  # afterwards the older one is not needed
        renewed = create_app(settings.model_copy(update={"secret_key": keys}))
        assert bearer(token, renewed).get(ME).status_code == 200
        services_of(renewed).close()


def test_without_the_key_a_token_is_not_believed(client, bearer, settings: Settings) -> None:
    token = create(client)

    other = create_app(settings.model_copy(update={"secret_key": "another-key-altogether"}))

    assert bearer(token, other).get(ME).status_code == 503
    assert bearer(TOKEN, other).get(ME).status_code == 200
    services_of(other).close()


def test_the_token_of_the_settings_needs_no_postgres(make_client) -> None:
    away = make_client(database_url="postgresql://127.0.0.1:1/nowhere")

    assert away.get(ME).json["name"] == "admin"
