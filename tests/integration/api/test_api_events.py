"""What a playbook has told of itself, over HTTP: listed and followed."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from app.api import following
from app.api.event_answers import CellAnswer, ResultPage
from app.services import services_of
from runner import keys
from runner.event_batch import gather
from runner.masks import Mask
from runner.run import Run
from runner.store import reading
from runner.store.connection import Connection
from runner.store.reading import Reading
from tests.waiting import wait_until

EVENTS = {"Accept": "text/event-stream"}
Tell = Callable[..., None]


@pytest.fixture
def tell(conn: Connection) -> Tell:
    """Stores lines of a run's plugin."""
    reached: dict[int, Reading] = {}

    def store(run: Run, *lines: dict[str, Any], limit: int = 1000) -> None:
        before = reached.get(run.id) or reading.begin(conn, run)
        assert before is not None
        end = before.position + len(lines)
        raw = [json.dumps({"at": 1, **line}).encode() for line in lines]
        batch = gather(raw, before.position, end, Mask({}))
        after = reading.store(conn, run, before, batch, limit)
        assert after is not None
        reached[run.id] = after

    return store


def play() -> dict[str, Any]:
    return {"event": "play", "number": 1, "name": "all"}


def task(number: int) -> dict[str, Any]:
    how = {"action": "command", "path": f"site.yml:{number}", "play": "all"}
    return {"event": "task", "number": number, "name": f"task {number}", **how}


def began(host: str, number: int) -> dict[str, Any]:
    return {"event": "began", "host": host, "task": number}


def result(host: str, number: int, status: str = "ok", **how: Any) -> dict[str, Any]:
    return {"event": "result", "host": host, "task": number, "status": status, **how}


@pytest.fixture
def told(running: Callable[[], Run], tell: Tell) -> Run:
    """A run that plays: two tasks, of which one host has not ended the second."""
    run = running()
    tell(run, play(), task(1), began("a", 1), began("b", 1), result("a", 1, changed=True))
    tell(run, result("b", 1, "failed", message="no", ignored=True), task(2), began("a", 2))
    return run


def get(client: FlaskClient, path: str) -> Any:
    answer = client.get(f"/api/v1{path}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_events_are_moves_unless_other_kinds_are_asked_for(client: FlaskClient, told: Run) -> None:
    path = f"/runs/{told.id}/events"

    def kinds(query: str) -> list[str]:
        return [event["kind"] for event in get(client, path + query)["events"]]

    assert kinds("") == ["queued", "claimed"]
    assert kinds("?kind=claimed") == ["claimed"]
    assert kinds("?kind=task&kind=play") == ["play", "task", "task"]
    everything = kinds("?kind=move&kind=play&kind=task&kind=result")
    assert everything == ["queued", "claimed", "play", "task", "result", "result", "task"]


def test_a_result_says_what_came_of_it(client: FlaskClient, told: Run) -> None:
    first, second = get(client, f"/runs/{told.id}/events?kind=result")["events"]

    assert (first["host"], first["task"], first["status"]) == ("a", 1, "changed")
    assert (first["message"], first["diff"], first["items"]) == (None, None, None)
    assert (second["status"], second["ignored"], second["message"]) == ("failed", True, "no")


def test_events_come_by_pages(client: FlaskClient, told: Run) -> None:
    path = f"/api/v1/runs/{told.id}/events?kind=move&kind=task&kind=result&limit=2"
    ids: list[int] = []
    while path:
        page = get(client, path.removeprefix("/api/v1"))
        ids += [event["id"] for event in page["events"]]
        path = page["next"]

    assert len(ids) == 6
    assert ids == sorted(set(ids))


def test_what_was_dropped_is_said(
    client: FlaskClient, running: Callable[[], Run], tell: Tell
) -> None:
    run = running()
    tell(run, play(), task(1), result("a", 1), result("b", 1), limit=3)

    assert get(client, f"/runs/{run.id}/results")["dropped"] == 1
    assert get(client, f"/runs/{run.id}/events?kind=result")["dropped"] == 1
    hosts = get(client, f"/runs/{run.id}/hosts")["hosts"]
    assert [(host["host"], host["ok"]) for host in hosts] == [("a", 1), ("b", 1)]


def test_hosts_are_live_while_it_plays(client: FlaskClient, told: Run) -> None:
    page = get(client, f"/runs/{told.id}/hosts")

    assert page["known"] is False
    first, second = page["hosts"]
    assert (first["host"], first["state"], first["changed"]) == ("a", "running", 1)
    assert first["task"] == {"number": 2, "name": "task 2"}
    assert (second["host"], second["state"], second["ignored"]) == ("b", "ok", 1)
    running = get(client, f"/runs/{told.id}/hosts?state=running&state=failed")
    assert [host["host"] for host in running["hosts"]] == ["a"]


def test_no_host_is_at_work_when_the_run_has_ended(
    client: FlaskClient, told: Run, finish: Callable[[Run], Run]
) -> None:
    finish(told)

    states = [host["state"] for host in get(client, f"/runs/{told.id}/hosts")["hosts"]]

    assert states == ["changed", "ok"]


def test_tasks_tell_what_came_of_them(client: FlaskClient, told: Run) -> None:
    (first, second) = get(client, f"/runs/{told.id}/tasks")["tasks"]

    assert (first["number"], first["name"], first["path"]) == (1, "task 1", "site.yml:1")
    assert (first["hosts"], first["ok"], first["changed"], first["ignored"]) == (2, 2, 1, 1)
    assert (second["hosts"], second["ended_at"], second["seconds"]) == (0, None, None)
    slowest = get(client, f"/runs/{told.id}/tasks?order=slowest&limit=1")
    assert [each["number"] for each in slowest["tasks"]] == [1]
    rest = get(client, slowest["next"].removeprefix("/api/v1"))
    assert ([each["number"] for each in rest["tasks"]], rest["next"]) == ([2], None)


def test_results_are_short_and_filtered(client: FlaskClient, told: Run) -> None:
    path = f"/runs/{told.id}/results"

    (cell,) = get(client, f"{path}?host=b&task=1&status=failed")["results"]

    assert cell.pop("id") > 0
    assert cell == {
        "task": 1,
        "host": "b",
        "status": "failed",
        "ignored": True,
        "seconds": None,
        "items": None,
        "message": "no",
    }
    assert get(client, f"{path}?host=nobody")["results"] == []
    assert set(get(client, path)["results"][0]) == set(CellAnswer.model_fields)
    ResultPage.model_validate(get(client, path), strict=True)


@pytest.mark.parametrize(
    "path",
    [
        "events?kind=No",
        "events?kind=",
        "tasks?order=fastest",
        "tasks?after=-1",
        "results?limit=5001",
        "results?status=fine",
        "results?task=x",
        "hosts?state=dead",
        "output?events=perhaps",
    ],
)
def test_what_is_no_filter_is_refused(client: FlaskClient, told: Run, path: str) -> None:
    answer = client.get(f"/api/v1/runs/{told.id}/{path}")

    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("path", ["events?kind=task", "tasks", "results", "hosts"])
def test_of_no_run_there_is_nothing(client: FlaskClient, path: str) -> None:
    assert client.get(f"/api/v1/runs/999/{path}").status_code == 404


def parse(text: str) -> list[dict[str, str]]:
    """Read server-sent events as a browser does."""
    return [
        dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        for block in text.split("\n\n")
        if block
    ]


def test_a_follower_gets_output_events_and_states(
    client: FlaskClient,
    told: Run,
    write: Callable[[Run, int, bytes], None],
    finish: Callable[[Run], Run],
) -> None:
    write(told, 0, b"PLAY\n")
    finish(told)

    text = client.get(f"/api/v1/runs/{told.id}/output?events=true", headers=EVENTS).text

    _, *events, end = parse(text)
    names = [event["event"] for event in events]
    assert names == ["output", "play", "task", "result", "result", "task"]
    assert end["event"] == "end"
    last = events[-1]
    page = get(client, f"/runs/{told.id}/events?kind=task")["events"]
    assert json.loads(last["data"]) == page[-1]
    assert last["id"] == f"5.{page[-1]['id']}"


def test_a_follower_of_events_alone_gets_no_output(
    client: FlaskClient,
    told: Run,
    write: Callable[[Run, int, bytes], None],
    finish: Callable[[Run], Run],
) -> None:
    write(told, 0, b"PLAY\n")
    finish(told)

    text = client.get(f"/api/v1/runs/{told.id}/events", headers=EVENTS).text

    assert [event.get("event") for event in parse(text)[1:]] == [
        "play",
        "task",
        "result",
        "result",
        "task",
        "end",
    ]


@pytest.mark.parametrize("cut", range(1, 6))
@pytest.mark.parametrize("path", ["output?events=true", "events"])
def test_a_follower_resumes_where_it_was_cut_off(
    client: FlaskClient,
    told: Run,
    write: Callable[[Run, int, bytes], None],
    finish: Callable[[Run], Run],
    path: str,
    cut: int,
) -> None:
    write(told, 0, "PLÄY".encode())
    finish(told)
    url = f"/api/v1/runs/{told.id}/{path}"
    whole = parse(client.get(url, headers=EVENTS).text)[1:]

    last = whole[cut - 1]["id"]
    rest = parse(client.get(url, headers=EVENTS | {"Last-Event-ID": last}).text)[1:]

    assert [*whole[:cut], *rest] == whole


@pytest.mark.parametrize("last", ["x", "1.", ".1", "1.2.3", "-1"])
def test_what_is_no_place_is_refused(client: FlaskClient, told: Run, last: str) -> None:
    headers = EVENTS | {"Last-Event-ID": last}

    for path in ("output?events=true", "events"):
        assert client.get(f"/api/v1/runs/{told.id}/{path}", headers=headers).status_code == 422


@pytest.fixture
def collect(app: Flask) -> Iterator[Callable[[Run], list[str]]]:
    """Makes followers, each in a thread; what they heard grows."""
    threads = []

    def start(run: Run) -> list[str]:
        heard: list[str] = []
        followed = following.follow(services_of(app), run.id, 0, 0)
        threads.append(Thread(target=lambda: heard.extend(followed)))
        threads[-1].start()
        return heard

    yield start
    services_of(app).followers.is_closing = lambda: True
    for thread in threads:
        thread.join()


def test_followers_hear_at_once_what_is_told_later_and_share_their_looks(
    app: Flask,
    collect: Callable[[Run], list[str]],
    told: Run,
    tell: Tell,
    finish: Callable[[Run], Run],
    redis: Redis,
) -> None:
    heard = [collect(told) for _ in range(20)]
    wait_until(lambda: all("task 2" in "".join(each) for each in heard))

    tell(told, result("a", 2, "skipped"))
    redis.publish(keys.TAIL, told.id)
    wait_until(lambda: all('"skipped"' in "".join(each) for each in heard))
    finish(told)
    redis.publish(keys.TAIL, told.id)
    wait_until(lambda: all("event: end" in "".join(each) for each in heard))

    for each in heard:
        events = [event["event"] for event in parse("".join(each)) if "event" in event]
        assert events == [
            "state",
            "play",
            "task",
            "result",
            "result",
            "task",
            "result",
            "end",
        ]


def test_a_state_is_told_when_it_changes(
    app: Flask, conn: Connection, told: Run, finish: Callable[[Run], Run]
) -> None:
    followed = following.follow(services_of(app), told.id, None, 0)
    heard = list(islice(followed, 7))
    conn.execute(
        "UPDATE runs SET stop_requested_at = now(), stop_requested_by = 'ada' WHERE id = %s",
        [told.id],
    )
    stopping = parse(next(followed))[0]
    finish(told)

    assert parse("".join(heard))[1]["event"] == "state"
    assert stopping["event"] == "state"
    assert json.loads(stopping["data"])["stopping"] is True
    assert [parse(each)[0]["event"] for each in followed] == ["end"]
