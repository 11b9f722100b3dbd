"""Deliveries over HTTP: what is noted of them, and doing one again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask
from flask.testing import FlaskClient

from runner.store import deliveries
from runner.store.connection import Connection
from tests.api import BEARER
from tests.hooks.signing import deliver
from tests.integration.api.deliveries.noted import HOOK, noted, pushed, states


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
