"""Deliveries over HTTP: doing one again, trying one out, and what happens while others wait."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.hooks import receive
from app.services import services_of
from runner.run import Run
from runner.store import deliveries
from runner.store.connection import Connection
from tests.api import BEARER
from tests.hooks.signing import PAYLOADS, SECRET, deliver, headers, payload

HOOK = "/api/v1/hooks/site"
GITHUB: dict[str, Any] = {"sender": "github", "secret": SECRET, "template": "deploy"}
PUSH = "github/push_branch"
WRONG = {"X-Hub-Signature-256": f"sha256={'0' * 64}"}


@pytest.fixture
def hook(client: FlaskClient, template: str) -> Callable[..., None]:
    """Declare the hook, with changes."""

    def put(**changes: Any) -> None:
        response = client.put(HOOK, json={**GITHUB, **changes})
        assert response.status_code in (200, 201), response.text

    return put


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    """A sender: it has no token."""
    return app.test_client()


def noted(client: FlaskClient, query: str = "") -> list[Any]:
    response = client.get(f"{HOOK}/deliveries{query}")
    assert response.json is not None
    return response.json["deliveries"]


def states(client: FlaskClient) -> dict[int, str]:
    response = client.get("/api/v1/runs?limit=500")
    assert response.json is not None
    return {run["id"]: run["state"] for run in response.json["runs"]}


def pushed(ref: str = "refs/heads/master") -> Any:
    return {**payload(PUSH), "ref": ref}


def test_deliveries_are_listed_by_pages_and_by_decision(
    client: FlaskClient, hook: Callable[..., None], stranger: FlaskClient
) -> None:
    hook(branches=["master"])
    for number in range(3):
        deliver(stranger, pushed(), delivery=f"yes-{number}")
        deliver(stranger, pushed("refs/heads/dev"), delivery=f"no-{number}")

    first = client.get(f"{HOOK}/deliveries?limit=4").json
    assert first is not None
    rest = client.get(first["next"]).json
    assert rest is not None

    everything = [*first["deliveries"], *rest["deliveries"]]
    assert [each["decision"] for each in everything] == ["ignored", "queued"] * 3
    assert rest["next"] is None
    assert [each["why"] for each in noted(client, "?decision=ignored")] == [
        "branch dev not in master"
    ] * 3
    assert everything[1]["event"]["sha"] == "199eddf46df50de8d02e99bf1c5fdb4101338224"
    assert client.get("/api/v1/hooks/other/deliveries").status_code == 404


def test_one_can_be_taken_again_by_the_rules_of_now(
    client: FlaskClient, hook: Callable[..., None], stranger: FlaskClient
) -> None:
    hook(branches=["main"], vars={"version": {"value": "1"}})
    deliver(stranger, pushed())
    [ignored] = noted(client)
    again = f"{HOOK}/deliveries/{ignored['id']}/redeliver"
    assert client.post(again).status_code == 200
    hook(branches=["master"], vars={"version": {"value": "2"}})

    answers = [client.post(again), client.post(again)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert len(states(client)) == 2  # who asks twice by hand means it
    assert {run["redelivery_of"] for run in noted(client)} == {None, ignored["id"]}
    newest = client.get(f"/api/v1/runs/{answers[1].json['runs'][0]}").json  # type: ignore[index]
    assert newest is not None
    assert newest["vars"]["version"] == "2"


def test_one_that_is_taken_again_by_several_at_once_runs_for_each(
    client: FlaskClient, hook: Callable[..., None], app: Flask
) -> None:
    hook()
    deliver(app.test_client(), pushed())
    [first] = noted(client)
    together = Barrier(4)

    def ask(_: int) -> int:
        together.wait()
        mine = app.test_client()
        mine.environ_base["HTTP_AUTHORIZATION"] = BEARER
        return mine.post(f"{HOOK}/deliveries/{first['id']}/redeliver").status_code

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [202] * 4
    assert len(states(client)) == 5


def test_what_was_not_kept_cannot_be_taken_again(
    client: FlaskClient, hook: Callable[..., None], stranger: FlaskClient, conn: Connection
) -> None:
    hook()
    deliver(stranger, pushed())
    conn.execute("UPDATE deliveries SET content = NULL")
    [delivery] = noted(client)

    refused = client.post(f"{HOOK}/deliveries/{delivery['id']}/redeliver")

    assert refused.status_code == 409
    assert client.post(f"{HOOK}/deliveries/{delivery['id'] + 1}/redeliver").status_code == 404
    assert len(states(client)) == 1


def test_a_large_content_is_taken_and_not_kept(
    client: FlaskClient, hook: Callable[..., None], stranger: FlaskClient, conn: Connection
) -> None:
    hook()
    noise = [f"{number * 7919 % 1_000_003:x}" for number in range(400_000)]

    assert deliver(stranger, {**pushed(), "noise": noise}).status_code == 202

    row = conn.execute("SELECT content IS NULL AS gone FROM deliveries").fetchone()
    assert row is not None
    assert row["gone"]


def test_a_secret_that_was_sent_is_kept_sealed_only(
    client: FlaskClient, hook: Callable[..., None], stranger: FlaskClient, conn: Connection
) -> None:
    hook(vars={"password": "/password"})

    assert deliver(stranger, {**pushed(), "password": "hunter2"}).status_code == 202

    row = conn.execute("SELECT content, run_id FROM deliveries").fetchone()
    assert row is not None
    assert row["content"] is None  # it cannot be taken again, and nobody can read it


@pytest.mark.parametrize("number", ["x" * 5000, "two\x85lines"])
def test_an_odd_number_is_noted_as_its_digest(
    client: FlaskClient,
    hook: Callable[..., None],
    stranger: FlaskClient,
    conn: Connection,
    number: str,
) -> None:
    hook()
    for _ in range(2):
        response = deliver(stranger, pushed(), delivery=number)
        assert response.json is not None
        assert response.json["runs"] == [1]

    row = conn.execute("SELECT deliveries::text, runs.hook FROM deliveries, runs").fetchone()
    assert row is not None
    assert number not in str(row)
    [delivery] = noted(client)
    assert delivery["event"]["delivery"].startswith("long:")
    assert client.post(f"{HOOK}/deliveries/{delivery['id']}/redeliver").status_code == 202


def test_however_long_names_are_they_are_noted_in_bounds(
    client: FlaskClient, hook: Callable[..., None], stranger: FlaskClient, conn: Connection
) -> None:
    hook(ref="event.sha")
    content = pushed("refs/heads/" + "".join(map(chr, range(0x4E00, 0x4E00 + 2000))))
    content["repository"] = {"full_name": "a/" + "b" * 10**6, "clone_url": "x://y/" + "z" * 10**6}

    refused = deliver(stranger, content, delivery="long ref")
    ignored = deliver(stranger, {**content, "ref": "refs/heads/master"}, delivery="long name")

    assert refused.status_code == 422  # and not 503: the index takes 2,704 bytes
    assert ignored.status_code == 200
    assert len(ignored.data) < 1000
    row = conn.execute("SELECT max(length(event::text || why)) AS most FROM deliveries").fetchone()
    assert row is not None
    assert row["most"] < 10_000


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


def test_a_delivery_can_be_tried_out_and_leaves_no_trace(
    client: FlaskClient, hook: Callable[..., None]
) -> None:
    hook(branches=["master"], vars={"version": "/head_commit/message", "count": {"value": 4}})
    tries = {
        "queued": pushed() | {"head_commit": {"id": "a" * 40, "message": "1.2"}},
        "ignored": pushed("refs/heads/dev"),
        "refused": pushed(),
    }
    said = {}
    for expected, content in tries.items():
        body = {"payload": content, "headers": {"X-GitHub-Event": "push"}}
        tried = client.post(f"{HOOK}/test", json=body).json
        assert tried is not None
        assert [each["decision"] for each in tried["decisions"]] == [expected]
        said[expected] = (tried["decisions"][0]["why"], tried["vars"][0])

    assert said["queued"] == (None, {"version": "1.2", "count": 4})
    assert said["ignored"] == ("branch dev not in master", None)
    assert said["refused"] == ("vars.version must match [0-9.]+", None)
    assert noted(client) == []
    assert states(client) == {}


def test_what_is_tried_out_is_read_as_its_sender_sends_it(
    client: FlaskClient, template: str
) -> None:
    topic = "arn:aws:sns:us-east-1:1:site"
    body = {"sender": "aws_sns", "topics": [topic], "template": template}
    assert client.put(HOOK, json=body).status_code == 201
    message = (PAYLOADS / "aws/codecommit_event.json").read_text()
    content = {"Type": "Notification", "MessageId": "1", "TopicArn": topic, "Message": message}

    tried = client.post(f"{HOOK}/test", json={"payload": content}).json

    assert tried is not None
    assert [each["event"] for each in tried["events"]] == ["push"]


def test_a_signed_delivery_can_ask_to_be_a_dry_run(
    client: FlaskClient, hook: Callable[..., None], stranger: FlaskClient
) -> None:
    hook(branches=["master"])
    said = {}
    for ref in ("refs/heads/master", "refs/heads/dev"):
        body = json.dumps(pushed(ref)).encode()
        address = "/hooks/site?dry_run=1"
        assert (
            stranger.post(address, data=body, headers={**headers(body), **WRONG}).status_code == 401
        )
        answer = stranger.post(address, data=body, headers=headers(body))
        assert answer.status_code == 200
        assert answer.json is not None
        assert answer.json["runs"] == []
        said[ref] = answer.json["deliveries"][0]["decision"]

    assert said == {"refs/heads/master": "queued", "refs/heads/dev": "ignored"}
    assert noted(client) == []
    assert states(client) == {}


def test_the_same_delivery_twice_at_once_makes_one_run(
    client: FlaskClient, hook: Callable[..., None], app: Flask
) -> None:
    hook()
    together = Barrier(8)

    def send(_: int) -> Any:
        together.wait()
        return deliver(app.test_client(), pushed(), delivery="same").json

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))

    assert len({tuple(answer["runs"]) for answer in answers}) == 1
    assert len(states(client)) == 1
    [delivery] = noted(client)
    assert delivery["times"] == 8


def test_who_gives_a_captured_delivery_another_number_runs_nothing(
    client: FlaskClient, hook: Callable[..., None], app: Flask
) -> None:
    hook()
    body = json.dumps(pushed()).encode()
    together = Barrier(8)

    def send(number: int) -> Any:
        together.wait()
        sent = headers(body, delivery=f"number {number}")
        return app.test_client().post("/hooks/site", data=body, headers=sent).json

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))

    assert len(states(client)) == 1
    assert {tuple(answer["runs"]) for answer in answers} == {tuple(states(client))}
    whys = Counter(delivery["why"] for delivery in noted(client))
    [(first, _), (twin, _)] = sorted(whys.items(), key=lambda each: each[1])
    assert first is None
    assert twin.startswith("its body is that of delivery ")
    assert whys[twin] == 7


def test_of_waiting_pushes_to_one_branch_only_the_newest_runs(
    client: FlaskClient, hook: Callable[..., None], stranger: FlaskClient
) -> None:
    hook(when_busy="coalesce")
    other = deliver(stranger, pushed("refs/heads/dev"), delivery="other").json
    for number in range(3):
        last = deliver(stranger, pushed(), delivery=str(number)).json

    assert other is not None
    assert last is not None
    [newest] = last["runs"]
    assert states(client) == {
        newest: "queued",
        newest - 1: "stopped",
        newest - 2: "stopped",
        other["runs"][0]: "queued",
    }
    assert last["deliveries"][0]["superseded"] == [newest - 1]
    stopped = client.get(f"/api/v1/runs/{newest - 1}").json
    assert stopped is not None
    assert stopped["message"] == f"run {newest} took its place"
    assert stopped["stop"]["outcome"] == "never_started"
    assert stopped["stop"]["by"] == "hook site"


def test_a_push_that_came_by_another_way_or_plays_is_left_alone(
    client: FlaskClient,
    hook: Callable[..., None],
    stranger: FlaskClient,
    queued: Callable[[], Run],
    running: Callable[[], Run],
) -> None:
    hook(when_busy="coalesce")
    others = {queued().id: "queued", running().id: "running"}

    assert deliver(stranger, pushed()).status_code == 202

    assert others.items() <= states(client).items()


@pytest.mark.parametrize(
    "second",
    [
        {"hook": "other"},  # such as one for each stage
        {"repository": "octo/another"},  # of an organisation's hook
        {"event": "workflow_dispatch"},
    ],
)
def test_a_push_takes_no_place_of_what_is_about_something_else(
    client: FlaskClient,
    hook: Callable[..., None],
    stranger: FlaskClient,
    second: dict[str, str],
) -> None:
    changes: dict[str, Any] = {
        "when_busy": "coalesce",
        "events": ["push", "workflow_dispatch"],
    }
    hook(**changes)
    client.put("/api/v1/hooks/other", json={**GITHUB, **changes})
    content = pushed()
    deliver(stranger, content, delivery="first")
    content["repository"]["full_name"] = second.pop("repository", "octo/first")

    assert deliver(stranger, content, delivery="second", **second).status_code == 202

    assert set(states(client).values()) == {"queued"}


def test_pushes_at_once_leave_one_waiting(
    client: FlaskClient, hook: Callable[..., None], app: Flask
) -> None:
    hook(when_busy="coalesce")
    together = Barrier(8)

    def send(number: int) -> None:
        together.wait()
        assert deliver(app.test_client(), pushed(), delivery=str(number)).status_code == 202

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(8)))

    assert sorted(states(client).values()) == ["queued"] + ["stopped"] * 7


@pytest.mark.parametrize("live", ["queued", "running"])
def test_nothing_runs_while_another_of_the_template_does(
    client: FlaskClient,
    hook: Callable[..., None],
    stranger: FlaskClient,
    request: pytest.FixtureRequest,
    live: str,
) -> None:
    busy = request.getfixturevalue(live)()
    hook(when_busy="reject")

    response = deliver(stranger, pushed())

    assert response.status_code == 200
    assert response.json is not None
    assert response.json["why"] == f"run {busy.id} of this template is {live}"
    assert set(states(client)) == {busy.id}
    [delivery] = noted(client)
    assert (delivery["decision"], delivery["times"]) == ("rejected", 1)


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


def test_old_deliveries_are_forgotten_a_batch_at_a_time(
    client: FlaskClient, hook: Callable[..., None], stranger: FlaskClient, conn: Connection
) -> None:
    hook()
    for number in range(5):
        deliver(stranger, pushed(), delivery=str(number))
    conn.execute("UPDATE deliveries SET received_at = now() - interval '91 days' WHERE key < '3'")

    batches = [deliveries.forget(conn, days=90, limit=2) for _ in range(3)]

    assert batches == [2, 1, 0]
    assert sorted(each["event"]["delivery"] for each in noted(client)) == ["3", "4"]
