"""Pushes of which a hook is told to run nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.hooks.signing import deliver, payload
from tests.integration.api.hooks.pushed import PUSH


@pytest.mark.parametrize("message", ["[skip ci] x", "x [CI SKIP]", "x\n\nskip-checks: true"])
def test_a_commit_can_ask_that_nothing_runs(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient, message: str
) -> None:
    content = payload(PUSH)
    content["head_commit"]["message"] = message
    hook()
    assert deliver(stranger, content, delivery="1").json["runs"] == []  # type: ignore[index]
    hook(skip_words=False)

    assert deliver(stranger, content, delivery="1").status_code == 202


def test_an_older_commit_that_asks_so_is_not_heard(
    hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    content = payload(PUSH)
    content["commits"].insert(0, {**content["commits"][0], "message": "[skip ci]"})
    hook()

    assert deliver(stranger, content).status_code == 202


def test_a_path_filter_looks_at_what_was_changed(
    hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook(paths=["*.md", "!docs/**"])
    assert deliver(stranger, payload(PUSH), delivery="1").status_code == 202
    hook(paths=["roles/**"])

    response = deliver(stranger, payload(PUSH), delivery="2")
    assert response.status_code == 200
    assert response.json is not None
    assert response.json["why"] == "no changed file in roles/**"


@pytest.mark.parametrize("change", [{"created": True}, {"forced": True}, {"before": "0" * 40}])
def test_what_is_not_known_to_be_unchanged_counts_as_changed(
    hook: Callable[..., Any], stranger: FlaskClient, change: dict[str, Any]
) -> None:
    hook(paths=["roles/**"])

    assert deliver(stranger, {**payload(PUSH), **change}).status_code == 202


def test_a_tag_is_not_a_branch_of_the_same_name(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    content = {**payload("github/push_tag"), "ref": "refs/tags/master"}
    hook(branches=["master"], events=["push", "tag"], tags=["v*"])

    response = deliver(stranger, content)

    assert response.json is not None
    assert response.json["why"] == "tag master not in v*"
