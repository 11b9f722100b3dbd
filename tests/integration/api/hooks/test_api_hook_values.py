"""What a push says of refs, commits and variables, as far as a run may have it."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api import TEMPLATE
from tests.hooks.signing import deliver, payload
from tests.integration.api.hooks.pushed import GITHUB, HOOK, PUSH, runs_of

NO_REFS = (
    "refs/heads/-x",
    "refs/heads/--upload-pack=touch${IFS}/x",
    "refs/heads/a b",
    "refs/heads/a..b",
    "refs/heads/a~1",
    "refs/heads/a.lock",
    "refs/heads/a\u202eb",
    "refs/heads/a\nb",
    "refs/heads/" + "a" * 300,
)


def test_a_ref_that_git_would_not_take_is_named(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook(branches=[])

    for number, ref in enumerate(NO_REFS):
        response = deliver(stranger, {**payload(PUSH), "ref": ref}, delivery=str(number))
        assert response.status_code == 422, ref
    assert runs_of(client) == []
    noted = client.get(f"{HOOK}/deliveries").json["deliveries"]  # type: ignore[index]
    assert {delivery["decision"] for delivery in noted} == {"refused"}
    assert len(noted) == len(NO_REFS)


def test_a_commit_that_is_no_full_id_is_refused(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook()

    for sha in ("199eddf", "A" * 40, "a" * 41, "HEAD"):
        content = {**payload(PUSH), "after": sha, "head_commit": {"id": sha}}
        assert deliver(stranger, content).status_code == 422, sha
    assert runs_of(client) == []


def test_what_a_branch_is_called_stays_these_characters(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    accepts = {**TEMPLATE["accepts"], "branch": {"type": "string"}}
    client.put("/api/v1/templates/deploy", json={**TEMPLATE, "accepts": accepts})
    hook(branches=[], vars={"branch": "event.branch"})

    for branch in ("{{lookup('pipe','id')}}", "a;id", "$(id)", "a|b", "é", "`id`"):
        content = {**payload(PUSH), "ref": f"refs/heads/{branch}"}
        assert deliver(stranger, content, delivery=branch.encode().hex()).status_code == 202
        assert runs_of(client)[0]["vars"]["branch"] == branch


@pytest.mark.parametrize(
    ("pointer", "message"),
    [
        ("/nothing", None),
        ("/head_commit", "must be a string"),
        ("/commits/0/message", "must match [0-9.]+"),
    ],
)
def test_a_variable_is_checked_like_any_callers(
    client: FlaskClient,
    hook: Callable[..., Any],
    stranger: FlaskClient,
    pointer: str,
    message: str | None,
) -> None:
    hook(vars={"version": pointer})

    response = deliver(stranger, payload(PUSH))

    if message is None:  # not there: as if nobody had given it
        assert response.status_code == 202
        assert runs_of(client)[0]["vars"] == {"count": 1}
    else:
        assert response.status_code == 422
        assert response.json is not None
        assert response.json["errors"] == [{"field": "vars.version", "message": message}]
        assert runs_of(client) == []


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (2**63, "is beyond 64 bits"),
        ({"a": "b" * 2**20}, "hold more than 1048576 bytes"),  # as any caller's request does
    ],
)
def test_a_value_that_no_caller_could_give_is_refused(
    client: FlaskClient,
    stranger: FlaskClient,
    hook: Callable[..., Any],
    value: Any,
    why: str,
) -> None:
    accepts = {"it": {"type": "object" if isinstance(value, dict) else "integer"}}
    client.put("/api/v1/templates/deploy", json={**TEMPLATE, "accepts": accepts})
    hook(vars={"it": "/it"})

    response = deliver(stranger, {**payload(PUSH), "it": value})

    assert response.status_code == 422
    assert why in response.text
    assert runs_of(client) == []


def test_exactly_the_pushed_commit_can_be_run(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    url = "https://github.com/codertocat/hello-world"
    client.put(
        "/api/v1/templates/deploy",
        json={**TEMPLATE, "playbook": {**TEMPLATE["playbook"], "repository": url}},
    )
    hook(ref="event.sha")

    assert deliver(stranger, payload(PUSH)).status_code == 202
    assert runs_of(client)[0]["options"]["ref"] == "199eddf46df50de8d02e99bf1c5fdb4101338224"


def test_a_commit_of_another_repository_is_not_the_playbooks(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook(ref="event.sha")

    response = deliver(stranger, payload(PUSH))

    assert response.status_code == 200
    assert response.json is not None
    assert response.json["why"] == "repository Codertocat/Hello-World is not the playbook's"


def test_a_ref_needs_the_template_to_allow_it(client: FlaskClient, template: str) -> None:
    client.put("/api/v1/templates/deploy", json={**TEMPLATE, "overrides": []})

    response = client.put(HOOK, json={**GITHUB, "ref": "event.sha"})

    assert response.status_code == 422
    assert response.json is not None
    assert response.json["errors"][0]["field"] == "ref"
