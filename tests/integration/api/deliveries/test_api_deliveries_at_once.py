"""Deliveries that come at once, and pushes that come while others wait."""

import json
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from runner.run import Run
from tests.api import TEMPLATE
from tests.hooks.signing import deliver, headers
from tests.integration.api.deliveries.noted import GITHUB, noted, pushed, states


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


def test_a_push_that_wants_approval_takes_no_place_of_one_that_has_it(
    client: FlaskClient, hook: Callable[..., None], stranger: FlaskClient
) -> None:
    """Whoever may push would stop what others have agreed to."""
    hook(when_busy="coalesce")
    client.put("/api/v1/templates/deploy", json={**TEMPLATE, "approval": {}})
    first, second, third = (
        deliver(stranger, pushed(), delivery=str(number)).json["runs"][0] for number in range(3)
    )
    assert states(client) == {first: "stopped", second: "stopped", third: "queued"}
    assert client.post(f"/api/v1/runs/{third}/approve").status_code == 200

    fourth = deliver(stranger, pushed(), delivery="3").json["runs"][0]

    assert states(client)[third] == states(client)[fourth] == "queued"


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
