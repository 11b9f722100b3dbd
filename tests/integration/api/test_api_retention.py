"""What the API tells of what is kept for a while only."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from runner.run import RunState
from runner.store.connection import Connection
from tests.aged import aged, keep
from tests.api import TEMPLATE

RUNS = "/api/v1/runs"
STREAM = {"Accept": "text/event-stream"}
TEXT = (b"TASK [one]\n", b"ok: [web1]\n", "half a caf\u00e9\n".encode())


def test_output_is_told_the_same_when_it_is_compressed(
    client: FlaskClient, conn: Connection
) -> None:
    run = aged(conn, days=8, parts=TEXT)
    paths = [f"{RUNS}/{run.id}/output?offset={offset}" for offset in range(run.output_bytes + 2)]
    plain = [client.get(path) for path in paths]
    followed = client.get(paths[3], headers=STREAM).text

    keep(conn, compress_days=7)

    assert client.get(f"{RUNS}/{run.id}").json == {
        **client.get(f"{RUNS}/{run.id}").json,
        "output": {"bytes": 35, "complete": True, "truncated": False, "kept": True},
    }
    for before, path in zip(plain, paths, strict=True):
        after = client.get(path)
        assert (after.data, after.headers["Content-Length"]) == (
            before.data,
            before.headers["Content-Length"],
        )
    assert _said(client.get(paths[3], headers=STREAM).text) == _said(followed)


def _said(stream: str) -> str:
    """All output of a stream, however it is cut."""
    lines = [line for line in stream.splitlines() if line.startswith('data: {"text"')]
    return "".join(line.removeprefix('data: {"text": "').removesuffix('"}') for line in lines)


@pytest.mark.parametrize("headers", [{}, STREAM])
def test_of_output_that_is_not_kept_it_says_so(
    client: FlaskClient, conn: Connection, headers: dict[str, str]
) -> None:
    run = aged(conn, days=40)
    keep(conn, output_days=30)

    refused = client.get(f"{RUNS}/{run.id}/output", headers=headers)
    shown = client.get(f"{RUNS}/{run.id}").json

    assert refused.status_code == 410
    assert refused.json["detail"] == (
        f"the output of run {run.id} is gone: it is kept for a while only"
    )
    assert shown["output"] == {"bytes": 8, "complete": True, "truncated": False, "kept": False}
    assert shown["events"]["kept"] is True
    assert client.get(f"{RUNS}/{run.id}/tasks").status_code == 200


def test_of_events_that_are_not_kept_it_says_so_and_moves_and_hosts_stay(
    client: FlaskClient, conn: Connection
) -> None:
    run = aged(conn, days=40)
    keep(conn, event_days=30)

    for what in ("tasks", "results"):
        assert client.get(f"{RUNS}/{run.id}/{what}").status_code == 410
    assert client.get(f"{RUNS}/{run.id}").json["events"] == {"complete": None, "kept": False}
    moves = client.get(f"{RUNS}/{run.id}/events?kind=move&kind=result").json["events"]
    assert [each["kind"] for each in moves] == ["queued", "claimed", "succeeded"]
    assert [each["host"] for each in client.get(f"{RUNS}/{run.id}/hosts").json["hosts"]] == ["web1"]


def test_a_run_that_is_forgotten_was_never_there(
    client: FlaskClient, template: str, conn: Connection
) -> None:
    run = aged(conn, days=40, template=template)
    assert client.get(f"{RUNS}/{run.id}").status_code == 200

    keep(conn, run_days=30)

    for path in ("", "/output", "/events", "/hosts", "/tasks", "/results"):
        assert client.get(f"{RUNS}/{run.id}{path}").status_code == 404
    assert client.post(f"{RUNS}/{run.id}/rerun").status_code == 404
    assert client.post(f"{RUNS}/{run.id}/stop").status_code == 404
    assert client.get(RUNS).json["runs"] == []
    days = client.get(f"/api/v1/templates/{template}/statistics?days=1")
    assert days.status_code == 200


def test_what_is_kept_of_a_run_is_enough_to_run_it_again(
    client: FlaskClient, template: str, conn: Connection
) -> None:
    spec = client.get(f"/api/v1/templates/{template}").json["spec"]
    run = aged(conn, days=40, template=template, spec=spec)
    keep(conn, output_days=30, event_days=30)

    again = client.post(f"{RUNS}/{run.id}/rerun")

    assert (again.status_code, again.json["rerun_of"]) == (202, run.id)


def test_a_rerun_outlives_the_run_that_it_repeats(
    client: FlaskClient, template: str, conn: Connection, finish: Callable[..., Any]
) -> None:
    first = aged(conn, days=40, template=template)
    second = aged(conn, days=1, template=template, rerun_of=first.id, trigger="rerun")

    keep(conn, run_days=30)

    shown = client.get(f"{RUNS}/{second.id}").json
    assert (shown["state"], shown["rerun_of"]) == (RunState.SUCCEEDED, first.id)
    assert client.get(f"{RUNS}?rerun_of={first.id}").json["runs"][0]["id"] == second.id


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"days": -1}, "retention.days"),
        ({"days": 1.5}, "retention.days"),
        ({"days": "30"}, "retention.days"),
        ({"runs": -1}, "retention.runs"),
        ({"hours": 1}, "retention.hours"),
        (30, "retention"),
    ],
)
def test_a_template_that_says_it_wrongly_is_refused(
    client: FlaskClient, given: object, field: str
) -> None:
    refused = client.put("/api/v1/templates/web", json={**TEMPLATE, "retention": given})

    assert refused.status_code == 422
    assert [error["field"] for error in refused.json["errors"]] == [field]


def test_a_template_tells_what_it_said(client: FlaskClient) -> None:
    said = {"days": 30, "runs": 500}
    client.put("/api/v1/templates/web", json={**TEMPLATE, "retention": said})

    assert client.get("/api/v1/templates/web").json["spec"]["retention"] == said


def test_metrics_tell_of_the_room_that_is_taken(app: Flask, conn: Connection) -> None:
    run = aged(conn, days=40)
    text = app.test_client().get("/metrics").text

    told = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    sizes = {name: float(size) for name, size in told.items() if name.startswith("curtain_table_")}
    assert sizes['curtain_table_bytes{table="runs"}'] >= 8192
    assert sizes['curtain_table_bytes{table="run_output"}'] >= 8192
    assert float(told["curtain_database_bytes"]) > sum(sizes.values())
    oldest = float(told["curtain_oldest_run_timestamp_seconds"])
    assert oldest == pytest.approx(run.queued_at.timestamp(), abs=1)
    assert float(told['curtain_forgotten_rows_total{table="run_results"}']) == 0
