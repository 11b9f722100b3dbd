"""Output over HTTP: read by offset, or followed."""

import json
from collections.abc import Callable, Iterator
from itertools import islice
from threading import Thread
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from redis import Redis

from app.api import following, output
from app.services import services_of
from runner import keys
from runner.run import Run
from runner.store.connection import Connection
from tests.waiting import wait_until

Write = Callable[[Run, int, bytes], None]
EVENTS = {"Accept": "text/event-stream"}


def test_output_comes_byte_exact_from_any_offset(
    client: FlaskClient, running: Callable[[], Run], write: Write
) -> None:
    run = running()
    written = bytes(range(256)) * 3
    write(run, 0, written[:300])
    write(run, 300, written[300:])

    for offset in (0, 1, 299, 300, 301, 767):
        response = client.get(f"/api/v1/runs/{run.id}/output?offset={offset}")
        assert response.data == written[offset:]
        assert response.headers["Curtain-Offset-End"] == "768"
        assert response.headers["Curtain-Run-State"] == "running"
        assert response.content_type == "text/plain; charset=utf-8"


def test_output_can_be_had_from_a_time_on(
    client: FlaskClient,
    running: Callable[[], Run],
    write: Write,
    finish: Callable[[Run], Run],
    conn: Connection,
) -> None:
    run = running()
    for start, part, at in ((0, b"old", None), (3, b"noon ", "12:00"), (8, b"one", "13:00")):
        write(run, start, part)
        values = [at and f"2026-11-21T{at}Z", run.id, start]
        conn.execute("UPDATE run_output SET at = %s WHERE run_id = %s AND start = %s", values)
    path = f"/api/v1/runs/{run.id}/output?since=2026-11-21T"

    for since, start in (("00:00:00Z", 3), ("12:00:00Z", 3), ("13:00:00%2B01:00", 3)):
        answer = client.get(path + since)
        assert (answer.data, answer.headers["Curtain-Offset-Start"]) == (b"noon one", str(start))
    assert client.get(path + "12:00:01Z").data == b"one"
    assert client.get(path + "13:00:01Z").data == b""
    assert client.get(path + "12:00:00Z&offset=9").data == b"ne"
    assert client.get(path).status_code == 422
    finish(run)
    assert b"noon" not in client.get(path + "12:30:00Z", headers=EVENTS).data


@pytest.mark.parametrize("offset", [3, 4, 2**62])
def test_beyond_the_end_there_is_nothing(
    client: FlaskClient, running: Callable[[], Run], write: Write, offset: int
) -> None:
    run = running()
    write(run, 0, b"abc")

    response = client.get(f"/api/v1/runs/{run.id}/output?offset={offset}")

    assert (response.status_code, response.data) == (200, b"")


def test_large_output_is_read_in_pages(
    client: FlaskClient, running: Callable[[], Run], write: Write
) -> None:
    run = running()
    size = output.PAGE * 3 + 1
    for start in range(0, size, 60_000):
        write(run, start, b"x" * min(60_000, size - start))

    response = client.get(f"/api/v1/runs/{run.id}/output", buffered=False)
    pages = [len(page) for page in response.response]  # type: ignore[union-attr]
    response.close()

    assert sum(pages) == size
    assert max(pages) == output.PAGE


def parse(text: str) -> list[dict[str, str]]:
    """Read server-sent events as a browser does."""
    return [
        dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        for block in text.split("\n\n")
        if block
    ]


def text_of(events: list[dict[str, str]]) -> str:
    """Join the text of output events."""
    return "".join(
        json.loads(event["data"])["text"] for event in events if event.get("event") == "output"
    )


def test_a_follower_of_a_final_run_gets_all_then_the_end(
    client: FlaskClient, running: Callable[[], Run], write: Write, finish: Callable[[Run], Run]
) -> None:
    run = running()
    write(run, 0, b"PLAY\n")
    finish(run)

    response = client.get(f"/api/v1/runs/{run.id}/output", headers=EVENTS)

    assert response.content_type.startswith("text/event-stream")
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    retry, told, end = parse(response.text)
    assert retry == {"retry": "1000"}
    assert told == {"id": "5", "event": "output", "data": '{"text": "PLAY\\n"}'}
    assert end["event"] == "end"
    assert json.loads(end["data"])["state"] == "succeeded"


@pytest.mark.parametrize("cut", range(1, 9))
def test_no_character_is_cut_between_events(
    app: Flask,
    running: Callable[[], Run],
    write: Write,
    finish: Callable[[Run], Run],
    cut: int,
) -> None:
    written = "ä€😀x".encode()[: 9 + 1]
    run = running()
    write(run, 0, written[:cut])
    followed = following.follow(services_of(app), run.id, 0)
    events = [*islice(followed, 2 if cut > 1 else 1)]

    write(run, cut, written[cut:])
    finish(run)
    events += list(followed)

    assert text_of(parse("".join(events))) == "ä€😀x"


def test_a_follower_resumes_where_it_was_cut_off(
    app: Flask,
    client: FlaskClient,
    running: Callable[[], Run],
    write: Write,
    finish: Callable[[Run], Run],
) -> None:
    run = running()
    write(run, 0, "abc€".encode()[:4])
    first = parse("".join(islice(following.follow(services_of(app), run.id, 0), 2)))
    write(run, 4, "abc€def".encode()[4:])
    finish(run)

    rest = parse(
        client.get(
            f"/api/v1/runs/{run.id}/output?offset=0",
            headers=EVENTS | {"Last-Event-ID": first[-1]["id"]},
        ).text
    )

    assert text_of(first) + text_of(rest) == "abc€def"


def test_what_is_no_utf8_is_replaced(
    client: FlaskClient, running: Callable[[], Run], write: Write, finish: Callable[[Run], Run]
) -> None:
    run = running()
    write(run, 0, b"a\xffb\x00\xe2\x82")
    finish(run)

    events = parse(client.get(f"/api/v1/runs/{run.id}/output", headers=EVENTS).text)

    assert text_of(events) == "a\ufffdb\x00\ufffd"


@pytest.fixture
def collect(app: Flask) -> Iterator[Callable[[Run], list[str]]]:
    """Makes followers, each in a thread; what they heard grows."""
    threads = []

    def start(run: Run) -> list[str]:
        heard: list[str] = []
        followed = following.follow(services_of(app), run.id, 0)
        threads.append(Thread(target=lambda: heard.extend(followed)))
        threads[-1].start()
        return heard

    yield start
    services_of(app).followers.is_closing = lambda: True
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("announced", [True, False])
def test_a_follower_hears_what_is_written_later(
    collect: Callable[[Run], list[str]],
    running: Callable[[], Run],
    write: Write,
    finish: Callable[[Run], Run],
    redis: Redis,
    announced: bool,
) -> None:
    run = running()
    heard = collect(run)

    for number in range(3):
        write(run, number * 2, b"%d\n" % number)
        if announced:
            redis.publish(keys.TAIL, run.id)
        wait_until(lambda: text_of(parse("".join(heard))).endswith(f"{number}\n"))  # noqa: B023
    finish(run)
    redis.publish(keys.TAIL, run.id)

    wait_until(lambda: any("event: end" in event for event in heard))


def test_a_follower_ends_when_the_process_is_told_to(
    app: Flask, collect: Callable[[Run], list[str]], running: Callable[[], Run]
) -> None:
    run = running()
    heard = collect(run)
    wait_until(lambda: heard)

    services_of(app).followers.is_closing = lambda: True

    wait_until(lambda: not services_of(app).followers.count())
    assert not any("event: end" in event for event in heard)


def test_too_many_followers_are_told_to_come_back(
    app: Flask, client: FlaskClient, running: Callable[[], Run]
) -> None:
    url = f"/api/v1/runs/{running().id}/output"
    following = [client.get(url, headers=EVENTS, buffered=False) for _ in range(3)]

    full = client.get(url, headers=EVENTS)
    plain = client.get(url)
    headed = client.head(url, headers=EVENTS)
    following.pop().close()
    headed_again = client.head(url, headers=EVENTS)
    headed_again.close()
    free = client.get(url, headers=EVENTS, buffered=False)
    for response in (*following, free):
        response.close()

    assert (full.status_code, plain.status_code, headed.status_code) == (503, 200, 503)
    assert (headed_again.status_code, free.status_code) == (200, 200)


def test_a_follower_outlives_an_outage_of_redis(
    app: Flask,
    collect: Callable[[Run], list[str]],
    running: Callable[[], Run],
    write: Write,
    redis: Redis,
) -> None:
    run = running()
    heard = collect(run)
    wait_until(lambda: redis.pubsub_numsub(keys.TAIL)[0][1])

    redis.client_kill_filter(_type="pubsub")
    write(run, 0, b"after\n")

    wait_until(lambda: "after" in text_of(parse("".join(heard))))


def test_a_follower_may_begin_far_behind_the_end(
    client: FlaskClient, running: Callable[[], Run], finish: Callable[[Run], Run]
) -> None:
    run = finish(running())

    response = client.get(f"/api/v1/runs/{run.id}/output?offset={2**62}", headers=EVENTS)

    assert [event.get("event") for event in parse(response.text)] == [None, "end"]


def test_output_of_an_unknown_run_is_not_found(client: FlaskClient) -> None:
    response: Any = client.get("/api/v1/runs/7/output", headers=EVENTS)

    assert response.status_code == 404
