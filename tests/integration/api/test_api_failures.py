"""How often an address may be wrong about who it is, and who must not suffer for it."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.factory import create_app
from app.failures import MOST
from app.services import services_of
from runner.settings import Settings
from tests.api import NO_REDIS, TOKEN

ME = "/api/v1/me"
WRONG = "wrong" * 4


@pytest.fixture
def now() -> list[float]:
    """The time, in its only item: the begin of a minute."""
    return [1_800_000_000.0]


@pytest.fixture
def app(settings: Settings, now: list[float]):
    """The application, by a clock of the test's."""
    app = create_app(settings, lambda: now[0])
    yield app
    services_of(app).close()


@pytest.fixture
def ask(app: Flask) -> Callable[..., object]:
    """Asks with a token from an address."""

    def get(token: str, address: str = "192.0.2.1", of: Flask = app):
        headers = {"Authorization": f"Bearer {token}"}
        return of.test_client().get(ME, headers=headers, environ_base={"REMOTE_ADDR": address})

    return get


def guess(ask, times: int = MOST, **how: object) -> list[int]:
    return [ask(WRONG, **how).status_code for _ in range(times)]


def test_who_guesses_too_often_has_to_wait(ask, now) -> None:
    now[0] += 20

    statuses = guess(ask, MOST + 3)

    assert statuses == [401] * MOST + [429] * 3
    assert ask(WRONG).headers["Retry-After"] == "40"
    assert ask(TOKEN).status_code == 429  # a right guess is answered as a wrong one
    assert ask(TOKEN, "192.0.2.2").status_code == 200
    now[0] += 40
    assert ask(TOKEN).status_code == 200


def test_a_token_of_ours_gets_in_whoever_guesses_beside_it(client, ask) -> None:
    token = client.post("/api/v1/tokens", json={"name": "ci"}).json["token"]
    guess(ask, MOST + 1)

    assert ask(token).status_code == 200


def test_an_administrator_gets_in_whoever_guesses_beside_him(ask, now) -> None:
    assert ask(TOKEN).status_code == 200

    assert guess(ask, MOST + 5) == [401] * MOST + [429] * 5

    assert ask(TOKEN).status_code == 200
    now[0] += 86_400 + 1
    guess(ask, MOST + 1)
    assert ask(TOKEN).status_code == 429


def test_an_administrator_gets_in_at_a_process_that_has_just_begun(
    ask, settings: Settings, now
) -> None:
    """Each stranger behind the same router could else keep him from stopping a run."""
    assert ask(TOKEN).status_code == 200
    fresh = create_app(settings, lambda: now[0])
    for _ in range(MOST + 2):
        ask(WRONG, of=fresh)

    assert ask(WRONG, of=fresh).status_code == 429
    assert ask(TOKEN, of=fresh).status_code == 200
    services_of(fresh).close()


def test_failures_are_counted_over_all_processes(ask, settings: Settings, now) -> None:
    other = create_app(settings, lambda: now[0])

    statuses = guess(ask, MOST - 1) + guess(ask, 3, of=other)

    assert statuses == [401] * MOST + [429] * 2
    services_of(other).close()


def test_a_revoked_token_that_is_sent_on_and_on_counts(client, ask) -> None:
    token = client.post("/api/v1/tokens", json={"name": "ci"}).json["token"]
    client.delete("/api/v1/tokens/ci")

    assert [ask(token).status_code for _ in range(MOST + 1)] == [401] * MOST + [429]


def test_to_send_none_is_no_failure(app: Flask, ask) -> None:
    assert {app.test_client().get(ME).status_code for _ in range(MOST + 5)} == {401}
    assert ask(TOKEN, "127.0.0.1").status_code == 200


def test_signing_in_counts_too(app: Flask) -> None:
    browser = app.test_client()

    def sign_in(token: str) -> str:
        headers = {"Origin": "http://localhost"}
        return browser.post("/sign-in", data={"token": token}, headers=headers).headers["Location"]

    assert {sign_in(WRONG) for _ in range(MOST)} == {"/sign-in?wrong=1&next=%2F"}
    assert sign_in(WRONG) == sign_in(TOKEN) == "/sign-in?wrong=1&next=%2F&wait=60"


def test_without_redis_nobody_is_kept_out(make_client: Callable[..., FlaskClient], ask) -> None:
    away = make_client(redis_url=NO_REDIS)

    assert guess(ask, MOST + 1, of=away.application) == [401] * (MOST + 1)


def test_a_wrong_token_is_in_no_log(ask, caplog: pytest.LogCaptureFixture) -> None:
    ask(WRONG)

    assert "192.0.2.1" in caplog.text
    assert WRONG not in caplog.text
