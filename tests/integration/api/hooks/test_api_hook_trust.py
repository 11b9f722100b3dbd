"""Whom the door believes, and what those are told whom it does not."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.hooks.signing import SECRET, deliver, headers, payload, signature
from tests.integration.api.hooks.pushed import PUSH, runs_of

NOT_BELIEVED = (
    None,
    "",
    "sha256=",
    "sha1=" + "0" * 40,
    "sha256=" + "0" * 64,
    "SHA256=" + signature(b"{}").partition("=")[2],
    signature(b"{}").upper(),
    signature(b"{}").partition("=")[2],
    signature(b"{}")[:-1],
    signature(b"{}") + "00",
    signature(b"{}", "another-secret"),
    signature(b"{}\n"),
    "sha256=é",
    f"{signature(b'{}')}, {signature(b'{}')}",
)


def test_who_is_not_believed_is_told_nothing_else(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook()
    for given in NOT_BELIEVED:
        sent = headers(b"{}") | {"X-Hub-Signature-256": given}

        response = stranger.post(
            "/hooks/site",
            data=b"{}",
            headers={name: each for name, each in sent.items() if each is not None},
        )

        assert response.status_code == 401, given
        assert response.json is not None
        assert set(response.json) == {"status", "title", "detail"}
    assert runs_of(client) == []


def test_unknown_and_disabled_hooks_are_the_same(
    hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook(enabled=False)

    answers = [deliver(stranger, payload(PUSH), hook=name) for name in ("site", "other", "Ä")]

    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({answer.text for answer in answers}) == 1


def test_with_another_key_hooks_are_away_and_not_broken(
    make_client: Callable[..., FlaskClient], hook: Callable[..., Any]
) -> None:
    hook()

    response = deliver(make_client(secret_key="another-key-of-the-tests"), payload(PUSH))

    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert "CURTAIN_SECRET_KEY" not in response.text


def test_only_a_post_is_taken(hook: Callable[..., Any], stranger: FlaskClient) -> None:
    hook()

    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
        response = stranger.open("/hooks/site?payload={}", method=method)
        assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_two_secrets_are_valid_while_one_takes_the_place_of_the_other(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook(secret=None, secrets=["the-new-secret", SECRET])
    assert deliver(stranger, payload(PUSH), delivery="1").status_code == 202
    assert (
        deliver(stranger, payload(PUSH), delivery="2", secret="the-new-secret").status_code == 202
    )
    hook(secret="the-new-secret")

    assert deliver(stranger, payload(PUSH), delivery="3").status_code == 401
    assert (
        deliver(stranger, payload(PUSH), delivery="4", secret="the-new-secret").status_code == 202
    )


NO_MESSAGES = (
    (b"", 400),
    (b"null", 400),
    (b"[]", 400),
    (b'"x"', 400),
    (b"1", 400),
    (b'{"a": NaN}', 400),
    (b'{"a": 1e999}', 400),
    (b'{"a": 1, "a": 2}', 400),
    (b'{"a": "\\u0000"}', 400),
    (b'{"a": "\\ud800"}', 400),
    (b'{"a": ["\\ud800"]}', 400),
    (b'{"a": ' + b"1" * 5000 + b"}", 400),
    (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    (b'{"a": "\xff"}', 400),
    ('{"a": 1}'.encode("utf-16"), 400),
    (b"\xef\xbb\xbf{}", 400),
    (b"{}", 422),  # it is called a push and names no ref
)


def test_what_is_signed_and_no_message_is_refused(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook()
    for body, status in NO_MESSAGES:
        response = stranger.post("/hooks/site", data=body, headers=headers(body))
        assert response.status_code == status, body[:100]
    assert runs_of(client) == []


@pytest.mark.parametrize(
    ("content_type", "encoding", "status"),
    [
        ("text/plain", None, 415),
        (None, None, 415),
        ("multipart/form-data; boundary=x", None, 415),
        ("application/json", "gzip", 415),
        ("application/json; charset=utf-8", None, 202),
        ("application/cloudevents+json", None, 202),
    ],
)
def test_only_what_a_sender_sends_is_taken(
    hook: Callable[..., Any],
    stranger: FlaskClient,
    content_type: str | None,
    encoding: str | None,
    status: int,
) -> None:
    hook()
    body = b'{"ref": "refs/heads/master", "after": "' + b"a" * 40 + b'"}'
    sent: dict[str, Any] = headers(body) | {"Content-Type": content_type}
    if encoding:
        sent["Content-Encoding"] = encoding

    response = stranger.post(
        "/hooks/site", data=body, headers={name: each for name, each in sent.items() if each}
    )

    assert response.status_code == status
