"""Notifications over HTTP: what came of each, the dead ones, and another try at those."""

import pytest

from runner.run import RunState
from runner.store import notifications, outbox
from runner.store.connection import Line
from runner.store.outbox import Outcome
from runner.watchdog import Watchdog
from tests.integration.api.conftest import app, client, make_client, settings
from tests.notifications.post import Post
from tests.runners import Bench

__all__ = ["app", "client", "make_client", "settings"]

TO = {"kind": "slack", "credential": "chat"}
ALL = "/api/v1/notifications"


@pytest.fixture
def post(conn, redis):
    return Post(Bench(conn, redis, {"CURTAIN_SECRET_KEY": "a-key-of-the-tests"}))


@pytest.fixture
def attempt(conn):
    """Makes an attempt at what is due, which comes to this."""

    def make(outcome):
        (due,) = outbox.claim(conn, limit=1, lease=60)
        began = outbox.begin(conn, due, lease=60)
        outbox.note(conn, due, began, outcome, seconds=0.25)
        return due.id

    return make


def test_a_run_shows_what_was_told_of_it_with_each_attempt(client, post, attempt, conn):
    run = post.tell(TO, TO)
    first = attempt(Outcome("pending", 503, "it answers 503", 0.0))
    attempt(Outcome("sent", 200))

    page = client.get(f"/api/v1/runs/{run.id}/notifications").json

    one, two = page["notifications"]
    assert (one["id"], one["state"], two["state"]) == (first, "pending", "sent")
    assert (one["run_id"], one["occasion"], one["to"]) == (run.id, "succeeded", TO)
    (tried,) = one["attempts"]
    assert (tried["status"], tried["error"], tried["seconds"]) == (503, "it answers 503", 0.25)
    assert one["due_at"]
    assert two["due_at"] is None
    assert two["sent_at"]
    events = client.get(f"/api/v1/runs/{run.id}/events").json["events"]
    assert {one["event_id"], two["event_id"]} == {
        event["id"] for event in events if event["kind"] == "succeeded"
    }
    assert page["next"] is None


def test_a_reply_shows_no_address(client, post):
    reply = {"kind": "slack_response_url", "url": "https://hooks.slack.com/commands/s3cret"}
    run = post.finish(post.claim(post.queue(TO, reply=reply)))

    response = client.get(f"/api/v1/runs/{run.id}/notifications")

    assert [each["to"] for each in response.json["notifications"]] == [TO, {"kind": "reply"}]
    assert "s3cret" not in response.text + client.get(f"/api/v1/runs/{run.id}").text


def test_pages_of_a_run_go_on_where_the_last_ended(client, post):
    run = post.tell(*[TO] * 5)

    first = client.get(f"/api/v1/runs/{run.id}/notifications?limit=3").json
    second = client.get(first["next"]).json

    ids = [each["id"] for page in (first, second) for each in page["notifications"]]
    assert len(ids) == len(set(ids)) == 5
    assert second["next"] is None


def test_the_dead_are_listed_newest_first(client, post, attempt):
    dead = []
    for _ in range(3):
        post.tell(TO)
        dead.append(attempt(Outcome("dead", 410, "it answers 410 Gone")))
    post.tell(TO)

    first = client.get(f"{ALL}?state=dead&limit=2").json
    second = client.get(first["next"]).json

    listed = first["notifications"] + second["notifications"]
    assert [each["id"] for each in listed] == dead[::-1]
    assert {each["reason"] for each in listed} == {"it answers 410 Gone"}
    assert len(client.get(ALL).json["notifications"]) == 4
    assert len(client.get(f"{ALL}?state=dead&state=pending").json["notifications"]) == 4


def test_a_dead_one_is_tried_anew(client, post, attempt):
    post.tell(TO)
    dead = attempt(Outcome("dead", 404, "it answers 404 Not Found"))

    retried = client.post(f"{ALL}/{dead}/retry")

    assert (retried.status_code, retried.json["state"]) == (202, "pending")
    assert retried.json["reason"] is None
    assert attempt(Outcome("sent", 200)) == dead
    (shown,) = client.get(ALL).json["notifications"]
    assert (shown["state"], len(shown["attempts"])) == ("sent", 2)


def test_only_a_dead_one_is_retried(client, post, conn):
    post.tell(TO)
    (row,) = post.rows()

    response = client.post(f"{ALL}/{row['id']}/retry")

    assert response.status_code == 409
    assert "is pending" in response.json["detail"]
    assert post.rows() == [row]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/runs/99/notifications", 404),
        ("POST", f"{ALL}/99/retry", 404),
        ("POST", f"{ALL}/0/retry", 404),
        ("GET", f"{ALL}/99/retry", 405),
        ("GET", f"{ALL}?state=lost", 422),
        ("GET", f"{ALL}?limit=0", 422),
    ],
)
def test_what_is_not_there_is_told(client, method, path, status):
    assert client.open(path, method=method).status_code == status


def test_without_the_token_nothing_is_told(app):
    for method, path in (("GET", ALL), ("POST", f"{ALL}/1/retry")):
        assert app.test_client().open(path, method=method).status_code == 401


def test_metrics_count_what_waits_and_what_is_dead(client, post, attempt):
    post.tell(TO, TO, TO)
    attempt(Outcome("dead", 410, "gone"))

    text = client.get("/metrics").text

    assert 'curtain_notifications{state="pending"} 2.0' in text
    assert 'curtain_notifications{state="dead"} 1.0' in text


def test_what_is_older_than_30_days_is_forgotten_in_batches(conn, post, attempt):
    for _ in range(4):
        post.tell(TO)
    attempt(Outcome("sent", 200))
    conn.execute("UPDATE notifications SET created_at = now() - interval '31 days' WHERE id <= 3")

    forgotten = [notifications.forget(conn, days=30, limit=2) for _ in range(3)]

    assert forgotten == [2, 1, 0]
    assert len(post.rows()) == 1
    assert post.attempts() == []
    assert len(post.bench.conn.execute("SELECT id FROM runs").fetchall()) == 4


@pytest.fixture
def look(conn, settings, redis):
    """Makes a round of a watchdog that has the watch."""

    def look_as(name):
        line = Line(settings.database_url)
        watchdog = Watchdog(settings, redis, line)
        watchdog.name = name
        conn.execute("UPDATE watch SET expires_at = now() - interval '1 s'")
        watchdog.reconcile()
        line.close()

    return look_as


def test_the_watchdog_forgets(conn, post, look):
    post.tell(TO)
    conn.execute("UPDATE notifications SET created_at = now() - interval '31 days'")

    look("first")

    assert post.rows() == []


def test_the_watchdogs_note_what_is_stuck_once(conn, post, look):
    run = post.start(post.queue(TO, on="stuck"))
    conn.execute(
        """UPDATE runs SET stop_requested_at = now() - interval '1 hour',
                           stop_requested_by = 'grace'"""
    )

    for name in ("first", "second", "first"):
        look(name)

    (row,) = post.rows()
    assert (row["run_id"], row["occasion"]) == (run.id, "stuck")
    assert post.bench.find(run).state is RunState.RUNNING
