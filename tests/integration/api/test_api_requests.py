"""What every request and every answer has in common."""

import io
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api import NO_POSTGRES, TOKEN

RUNS = "/api/v1/templates/deploy/runs"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer tök€n",
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/runs", "/api/v1/runs/1/output", "/api/v1/nope"])
def test_without_the_token_nothing_is_told(
    app: Flask, authorization: str | None, path: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}

    response = app.test_client().get(path, headers=headers)

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("path", ["/health", "/ready", "/openapi.json", "/docs"])
def test_what_the_platform_asks_needs_no_token(app: Flask, path: str) -> None:
    assert app.test_client().get(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nope", 404),
        ("GET", "/nope", 404),
        ("GET", "//api/v1/runs", 404),  # not redirected
        ("GET", "/api/v1/runs/0", 404),
        ("GET", "/api/v1/runs/99999999999999999999", 404),  # beyond bigint
        ("GET", "/api/v1/runs/" + "9" * 5000, 404),  # Python reads no such number
        ("GET", "/api/v1/templates/a%00b", 404),  # Postgres keeps no NUL
        ("DELETE", "/api/v1/templates/a%00b", 404),
        ("GET", "/api/v1/runs/1/stop", 405),  # GET changes nothing
        ("DELETE", "/api/v1/runs/1", 405),
        ("GET", "/api/v1/runs?nope=1", 422),  # never ignored
        ("GET", "/api/v1/runs?limit=1&limit=2", 422),
        ("GET", "/api/v1/runs?template=%00", 422),
        ("GET", "/api/v1/runs?since=yesterday", 422),
        ("GET", "/api/v1/runs?since=2026-01-01", 422),
        ("GET", "/api/v1/runs/1?nope=1", 422),
        ("GET", f"/api/v1/runs/1/output?offset={2**63}", 422),
        ("GET", "/api/v1/runs/1/output?offset=-1", 422),
        ("GET", "/health?nope=1", 422),
    ],
)
def test_every_error_is_a_problem(client: FlaskClient, method: str, path: str, status: int) -> None:
    response = client.open(path, method=method)

    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert response.json is not None
    assert response.json["status"] == status
    assert ("Allow" in response.headers) == (status == 405)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", None, 202),  # a body may be absent
        (b"", "application/x-www-form-urlencoded", 202),  # as curl -d '' says
        (b"{}", "application/json", 202),
        (b"{}", "application/json; charset=utf-8", 202),
        (b"{}", "text/plain", 415),  # what a form of another site can send
        (b"{}", None, 415),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 422),
        (b"null", "application/json", 422),
        (b'"{}"', "application/json", 422),  # JSON in a string
        (b'{"reason": NaN}', "application/json", 400),
        (b'{"reason": "\xff"}', "application/json", 400),
        (b'{"reason": "\\ud800"}', "application/json", 400),  # half a character
        (b'{"reason": "\\u0000"}', "application/json", 422),
        (b'{"vars": {"\\u0000": 1}}', "application/json", 422),
        (b'{"vars": {"count": 9223372036854775808}}', "application/json", 422),
        (b'{"vars": {"count": 1e400}}', "application/json", 422),
        (b'{"vars": {"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}", "application/json", 400),
        (b'{"check": "yes"}', "application/json", 422),
        (b'{"nope": 1}', "application/json", 422),
    ],
)
def test_a_body_is_json_or_refused(
    client: FlaskClient, template: str, body: bytes, content_type: str | None, status: int
) -> None:
    response = client.post(RUNS, data=body, content_type=content_type)

    assert response.status_code == status


def test_a_faulty_field_is_named(client: FlaskClient) -> None:
    response = client.put(
        "/api/v1/templates/deploy",
        json={"playbook": {"repository": "x"}, "inventory": {"content": 1}, "vars": {"a b": 1}},
    )

    assert response.json is not None
    assert {error["field"] for error in response.json["errors"]} == {
        "playbook.repository",
        "playbook.path",
        "inventory.content",
        "vars.a b",
    }


class Endless(io.RawIOBase):
    """A body that counts what is read of it."""

    def __init__(self, size: int) -> None:
        self.left = self.size = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self.left)
        buffer[:length] = b" " * length
        self.left -= length
        return length


@pytest.mark.parametrize(
    "environ",
    [
        {"CONTENT_LENGTH": str(30 * 2**20)},
        {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},  # as gunicorn does
    ],
)
def test_a_big_body_is_refused_before_it_is_read(
    client: FlaskClient, environ: dict[str, Any]
) -> None:
    body = Endless(30 * 2**20)

    response = client.post(
        RUNS,
        environ_overrides={"wsgi.input": io.BufferedReader(body), **environ},
        content_type="application/json",
    )

    assert response.status_code == 413
    assert body.size - body.left <= 2 * 2**20


def test_every_answer_is_kept_from_caches_and_browsers(client: FlaskClient) -> None:
    for path in ("/api/v1/runs", "/api/v1/nope", "/health"):
        headers = client.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_head_tells_what_get_would(client: FlaskClient, template: str) -> None:
    got = client.get(f"/api/v1/templates/{template}")
    headed = client.head(f"/api/v1/templates/{template}")

    assert headed.status_code == 200
    assert headed.data == b""
    assert headed.headers["Content-Length"] == got.headers["Content-Length"]


def test_an_error_of_ours_is_told_to_the_log_and_not_to_the_caller(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_: object) -> None:
        raise ZeroDivisionError("a secret of ours")

    app.view_functions["list_runs"] = fail

    response = client.get("/api/v1/runs")

    assert response.status_code == 500
    assert response.json is not None
    assert "secret of ours" not in response.text
    assert response.json["id"] in caplog.text
    assert "a secret of ours" in caplog.text


def test_without_postgres_it_is_told_to_come_back(
    make_client: Callable[..., FlaskClient],
) -> None:
    response = make_client(database_url=NO_POSTGRES).get("/api/v1/runs")

    assert response.status_code == 503
    assert "Retry-After" in response.headers
    assert "127.0.0.1" not in response.text


def test_after_a_restart_of_postgres_it_works_again(
    client: FlaskClient, conn: psycopg.Connection[Any], template: str
) -> None:
    conn.execute(
        """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND pid <> pg_backend_pid()"""
    )

    statuses = [client.get("/api/v1/runs").status_code for _ in range(5)]

    assert statuses[-1] == 200
    assert set(statuses) <= {200, 503}
