"""Hooks over HTTP: declaring them."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from runner.store.connection import Connection
from tests.hooks.signing import SECRET, deliver, payload
from tests.integration.api.hooks.pushed import GITHUB, HOOK, PUSH


def test_a_hook_is_shown_without_its_secret(client: FlaskClient, hook: Callable[..., Any]) -> None:
    made = hook(vars={"version": "/head_commit/id"})

    assert made["path"] == "/hooks/site"
    assert made["has_secret"] is True
    for shown in (made, client.get(HOOK).json, client.get("/api/v1/hooks").json):
        assert SECRET not in str(shown)
        assert "'secret'" not in str(shown)


def test_its_secret_is_not_stored_readable(hook: Callable[..., Any], conn: Connection) -> None:
    hook()

    row = conn.execute("SELECT hooks::text AS text FROM hooks").fetchone()
    assert row is not None
    assert SECRET not in row["text"]
    assert SECRET.encode().hex() not in row["text"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"secret": ""}, "secret"),  # who knows none would be anybody
        ({"secret": "short"}, "secret"),
        ({"secret": None}, "secret"),
        ({"secret": SECRET, "secrets": [SECRET]}, "the body"),
        ({"sender": "gitlab", "secret": "whsec_AAAA"}, "the body"),  # a key of three bytes
        ({"secret": None, "secrets": []}, "secrets"),
        ({"secret": None, "secrets": [SECRET] * 3}, "secrets"),
        ({"sender": "gitbucket"}, "sender"),
        ({"template": "unknown"}, "template"),
        ({"vars": {"other": "/ref"}}, "vars.other"),  # the template does not accept it
        ({"vars": {"password": {"value": "x"}}}, "vars.password"),  # GET would show it
        ({"vars": {"version": "head_commit"}}, "vars.version"),  # neither pointer nor fact
        ({"vars": {"version": "event.nothing"}}, "vars.version"),
        ({"ref": "main"}, "ref"),  # a constant belongs into the template
        ({"branches": [""]}, "branches.0"),
        ({"rules": {"matches": {"branch": "("}}}, "rules.matches.branch"),
        ({"rules": {"equals": {"nothing": 1}}}, "rules.equals.nothing"),
        ({"rules": {"one": []}}, "rules"),
        ({"when_busy": "wait"}, "when_busy"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_what_is_wrong_with_a_hook_is_named_and_nothing_is_kept(
    client: FlaskClient, template: str, change: dict[str, Any], field: str
) -> None:
    response = client.put(HOOK, json={**GITHUB, **change})

    assert response.status_code == 422
    assert response.json is not None
    assert [error["field"] for error in response.json["errors"]] == [field]
    assert SECRET not in response.text
    assert client.get(HOOK).status_code == 404


def test_rules_are_nested_ten_deep_at_most(client: FlaskClient, template: str) -> None:
    rule: dict[str, Any] = {"equals": {"event": "push"}}
    for _ in range(9):
        rule = {"not": rule}
    assert client.put(HOOK, json={**GITHUB, "rules": rule}).status_code == 201

    assert client.put(HOOK, json={**GITHUB, "rules": {"not": rule}}).status_code == 422


def test_a_hook_may_be_put_again_without_its_secret(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook()
    without = {name: value for name, value in GITHUB.items() if name != "secret"}
    assert client.put(HOOK, json=without).status_code == 200

    assert deliver(stranger, payload(PUSH)).status_code == 202


def test_another_sender_needs_a_secret_of_its_own(
    client: FlaskClient, hook: Callable[..., Any]
) -> None:
    hook()
    other = {"sender": "gogs", "template": "deploy"}

    assert client.put(HOOK, json=other).status_code == 422
    assert client.get(HOOK).json["sender"] == "github"  # type: ignore[index]


def test_a_template_that_a_hook_runs_cannot_be_deleted(
    client: FlaskClient, hook: Callable[..., Any]
) -> None:
    hook()

    refused = client.delete("/api/v1/templates/deploy")
    assert refused.status_code == 409
    assert refused.json is not None
    assert refused.json["hooks"] == ["site"]
    assert client.delete(HOOK).status_code == 204
    assert client.delete("/api/v1/templates/deploy").status_code == 204
