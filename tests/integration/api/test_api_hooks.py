"""Hooks over HTTP: declaring them, and what the door answers."""

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from runner.store.connection import Connection
from tests.api import NO_REDIS, TEMPLATE
from tests.hooks.signing import SECRET, deliver, headers, payload, signature

HOOK = "/api/v1/hooks/site"
GITHUB: dict[str, Any] = {
    "sender": "github",
    "secret": SECRET,
    "template": "deploy",
    "branches": ["master", "release/*"],
}
PUSH = "github/push_branch"


@pytest.fixture
def hook(client: FlaskClient, template: str) -> Callable[..., Any]:
    """Declare the hook, with changes."""

    def put(**changes: Any) -> Any:
        response = client.put(HOOK, json={**GITHUB, **changes})
        assert response.status_code in (200, 201), response.text
        return response.json

    return put


@pytest.fixture
def stranger(client: FlaskClient, app: Any) -> FlaskClient:
    """A sender: it has no token."""
    return app.test_client()


def runs_of(client: FlaskClient) -> list[Any]:
    response = client.get("/api/v1/runs")
    assert response.json is not None
    return response.json["runs"]


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


def test_a_push_is_answered_with_the_queued_run(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook(vars={"count": {"value": 3}})

    response = deliver(stranger, payload(PUSH))

    assert response.status_code == 202
    assert response.json is not None
    [run_id] = response.json["runs"]
    run = client.get(f"/api/v1/runs/{run_id}").json
    assert run is not None
    assert (run["state"], run["trigger"], run["triggered_by"]) == ("queued", "hook", "hook site")
    assert run["reason"] == "push of 199eddf46df5 to master by Codertocat: Update README"
    assert run["vars"] == {"count": 3}
    assert run["hook"] == {
        "name": "site",
        "sender": "github",
        "delivery": "1",
        "event": "push",
        "ref": "refs/heads/master",
        "sha": "199eddf46df50de8d02e99bf1c5fdb4101338224",
        "actor": "Codertocat",
        "repository": "Codertocat/Hello-World",
    }


def test_what_is_not_acted_on_is_told_why(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook(branches=["main", "release/*"])

    response = deliver(stranger, payload(PUSH))

    assert response.status_code == 200
    assert response.json is not None
    assert response.json["runs"] == []
    assert response.json["why"] == "branch master not in main, release/*"
    assert runs_of(client) == []
    [delivery] = client.get(f"{HOOK}/deliveries").json["deliveries"]  # type: ignore[index]
    assert (delivery["decision"], delivery["why"]) == ("ignored", response.json["why"])


@pytest.mark.parametrize(
    ("content", "kind", "why"),
    [
        ("github/push_branch_delete", "push", "refs/heads/feature-branch was deleted"),
        ("github/push_tag", "push", "event tag not in push"),
        ("github/pull_request_closed", "pull_request", "event pull_request not in push"),
        ("github/push_branch", "issues", "event issues not in push"),
    ],
)
def test_other_events_run_nothing(
    client: FlaskClient,
    hook: Callable[..., Any],
    stranger: FlaskClient,
    content: str,
    kind: str,
    why: str,
) -> None:
    hook(branches=[])

    response = deliver(stranger, payload(content), event=kind)

    assert response.status_code == 200
    assert response.json is not None
    assert (response.json["runs"], response.json["why"]) == ([], why)
    assert runs_of(client) == []


def test_a_ping_is_answered_and_nothing_is_noted(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook()

    response = deliver(stranger, payload("github/ping"), event="ping")

    assert response.status_code == 200
    assert response.json is not None
    assert (response.json["runs"], response.json["why"]) == ([], "a ping")
    assert client.get(f"{HOOK}/deliveries").json["deliveries"] == []  # type: ignore[index]


def test_a_delivery_that_comes_again_runs_nothing_twice(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook()
    first = deliver(stranger, payload(PUSH), delivery="abc")

    again = deliver(stranger, payload(PUSH), delivery="abc")

    assert again.status_code == 200
    assert first.json is not None
    assert again.json is not None
    assert again.json["runs"] == first.json["runs"]
    assert again.json["why"] == "it came before"
    assert len(runs_of(client)) == 1
    [delivery] = client.get(f"{HOOK}/deliveries").json["deliveries"]  # type: ignore[index]
    assert (delivery["decision"], delivery["times"]) == ("queued", 2)


def test_one_that_ran_nothing_is_decided_anew(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook(branches=["main"])
    assert deliver(stranger, payload(PUSH), delivery="abc").status_code == 200
    hook(branches=["master"])

    assert deliver(stranger, payload(PUSH), delivery="abc").status_code == 202
    assert len(runs_of(client)) == 1


def test_a_sender_that_changes_its_content_under_an_old_number_runs_nothing(
    client: FlaskClient, hook: Callable[..., Any], stranger: FlaskClient
) -> None:
    hook()
    deliver(stranger, payload(PUSH), delivery="abc")
    other = {**payload(PUSH), "before": "0" * 40}

    assert deliver(stranger, other, delivery="abc").json["why"] == "it came before"  # type: ignore[index]
    assert len(runs_of(client)) == 1


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


def test_with_redis_away_the_run_is_there_all_the_same(
    make_client: Callable[..., FlaskClient], client: FlaskClient, hook: Callable[..., Any]
) -> None:
    hook()

    response = deliver(make_client(redis_url=NO_REDIS), payload(PUSH))

    assert response.status_code == 202
    assert [run["state"] for run in runs_of(client)] == ["queued"]


def test_with_redis_frozen_senders_are_answered_in_time(
    client: FlaskClient,
    hook: Callable[..., Any],
    make_client: Callable[..., FlaskClient],
) -> None:
    hook()
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # connects, and answers nothing
        away = make_client(redis_url=f"redis://127.0.0.1:{frozen.getsockname()[1]}")
        began = time.monotonic()
        response = deliver(away, payload(PUSH))
        took = time.monotonic() - began

    assert response.status_code == 202
    assert took < 8  # seconds; some 2, and it was 12
    assert [run["state"] for run in runs_of(client)] == ["queued"]
