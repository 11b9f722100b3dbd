"""How much is taken at once, and how often."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.hooks import receive
from app.services import services_of
from tests.hooks.signing import deliver, headers
from tests.integration.api.deliveries.noted import pushed


def test_a_body_beyond_what_the_sender_sends_is_413(
    hook: Callable[..., None], stranger: FlaskClient
) -> None:
    hook()
    body = b"x" * (26 * 2**20 + 1)

    for length in (len(body), None):  # None: chunked, as WSGI shows it
        response = stranger.post(
            "/hooks/site",
            data=body,
            headers=headers(body),
            environ_overrides={} if length else {"wsgi.input_terminated": True},
        )
        assert response.status_code == 413


def test_few_large_bodies_are_let_in_at_once(
    hook: Callable[..., None], app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook()
    monkeypatch.setattr(receive, "PATIENCE", 0.01)
    large = {**pushed(), "noise": "x" * 2**20}
    room = services_of(app).large_bodies
    room.acquire()
    room.acquire()

    refused = deliver(app.test_client(), large)
    small = deliver(app.test_client(), pushed(), delivery="small")
    room.release()
    taken = deliver(app.test_client(), large)

    assert [each.status_code for each in (refused, small, taken)] == [503, 202, 202]
    assert refused.headers["Retry-After"]
    room.release()


def test_more_than_a_hook_takes_in_a_minute_is_429(
    client: FlaskClient, hook: Callable[..., None], app: Flask
) -> None:
    hook(per_minute=2)
    stranger = app.test_client()

    answers = [deliver(stranger, pushed(), delivery=str(number)) for number in range(5)]

    assert [answer.status_code for answer in answers].count(429) >= 1  # a minute may begin between
    late = answers[-1]
    if late.status_code == 429:
        assert 1 <= int(late.headers["Retry-After"]) <= 60


def test_who_is_believed_never_waits_for_those_who_are_not(
    hook: Callable[..., None], app: Flask
) -> None:
    hook()
    bad = app.test_client()
    statuses = [deliver(bad, {}, secret="another-secret").status_code for _ in range(320)]

    assert set(statuses) <= {401, 429}
    assert deliver(app.test_client(), pushed()).status_code == 202
