"""Whatever a target does: told once, later if need be, never in the way, and noted."""

from datetime import timedelta

import pytest

from runner.run import RunState
from tests import playbooks
from tests.notifications.conftest import SECRET
from tests.notifications.target import flood, hang, reset, status
from tests.waiting import wait_until


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (status(410), "it answers 410 Gone"),
        (status(404, b"s3cret-path"), "it answers 404 Not Found"),
        (status(302, Location="http://127.0.0.1:1/"), "it redirects (302)"),
    ],
    ids=["410", "404", "302"],
)
def test_what_will_never_be_taken_is_dead_at_once(sending, post, target, callback, answer, reason):
    target.answers = [answer]

    post.tell(callback)

    (row,) = post.await_states("dead")
    assert reason in row["reason"]
    assert len(target.heard) == len(post.attempts()) == 1


@pytest.mark.parametrize("how", [reset, status(500), status(429, Retry_After="1")])
def test_what_may_be_taken_later_is_sent_again_and_every_attempt_is_noted(
    sending, post, target, callback, how
):
    target.answers = [how, status(200)]

    post.tell(callback)

    (row,) = wait_until(lambda: [row for row in post.rows() if row["attempts"] == 1])
    wait_until(lambda: post.rows()[0]["begun_at"] is None)
    (tried,) = post.attempts()
    ended = tried["at"] + timedelta(seconds=tried["seconds"])
    assert 4 < (post.rows()[0]["due_at"] - ended).total_seconds() < 30
    wait_until(lambda: post.hasten() or post.rows()[0]["state"] == "sent")
    first, second = post.attempts()
    assert (second["status"], second["error"]) == (200, None)
    assert first["error"]
    assert first["seconds"] is not None
    assert len(target.heard) == 2
    assert row["id"] == post.rows()[0]["id"]


def test_after_the_last_attempt_it_is_dead(sending, post, target, callback):
    target.answers = [status(503)]
    post.tell(callback)

    wait_until(lambda: post.hasten() or post.rows()[0]["state"] == "dead")

    assert "attempt 8, the last" in post.rows()[0]["reason"]
    assert len(target.heard) == len(post.attempts()) == 8


def test_an_answer_without_end_is_taken_for_what_it_says_first(sending, post, target, callback):
    target.answers = [flood]

    post.tell(callback)

    post.await_states("sent")


def test_a_run_ends_though_its_target_hangs(bench, sending, playbook, target, callback, post):
    target.answers = [hang]
    to = {"on": ["always"], "to": callback}
    run = bench.trigger(playbook(playbooks.HELLO).url, notifications=[to])

    ended = bench.await_final(run)

    assert ended.state is RunState.SUCCEEDED
    assert target.answered == []
    wait_until(lambda: target.heard)
    target.letting_go.set()
    post.await_states("sent", "sent")


def test_nobody_waits_for_a_target_that_hangs(bench, sending, post, make_target):
    slow, quick = make_target(), make_target()
    slow.answers = [hang]
    for name, target in (("slow", slow), ("quick", quick)):
        bench.keep(name, kind="webhook", url=target.url, secret=SECRET)
    hanging, prompt = ({"kind": "callback", "credential": name} for name in ("slow", "quick"))

    post.tell(hanging, hanging, prompt, hanging, prompt)
    post.tell(prompt)

    wait_until(lambda: len(quick.heard) == 3)
    assert slow.answered == []


def test_a_private_target_is_dead_at_once_unless_allowed(runner, post, target, callback):
    post.tell(callback)

    (row,) = post.await_states("dead")
    assert "CURTAIN_NOTIFY_PRIVATE" in row["reason"]
    assert target.heard == []


def test_a_credential_that_is_gone_is_named(sending, post, conn, callback):
    conn.execute("DELETE FROM credentials")
    post.tell(callback)

    (row,) = post.await_states("dead")
    assert row["reason"] == "there is no credential 'hook' any more"


def test_no_secret_is_in_a_row_a_log_or_redis(bench, sending, post, target, callback, tmp_path):
    key = SECRET.removeprefix("whsec_")
    bench.keep("forge", kind="api_token", base_url=target.url, token="t0ken-of-forge")
    status_to = {
        "kind": "commit_status",
        "forge": "github",
        "credential": "forge",
        "repository": "a/b",
    }
    echo = b"s3cret-path t0ken-of-forge " + key.encode()
    target.answers = [status(code, echo) for code in (500, 400, 302)]
    target.answers.append(reset)
    reply = {
        "kind": "mattermost_response_url",
        "url": f"{target.url}/reply/s3cret-path",
        "host": f"127.0.0.1:{target.port}",
    }
    run = post.start(post.queue(callback, {"kind": "slack", "credential": "hook"}, status_to,
                                on="always", reply=reply))  # fmt: skip
    post.finish(post.prepare(run))

    wait_until(lambda: post.hasten() or all(row["state"] != "pending" for row in post.rows()))

    texts = [sending.log.read_bytes()]
    tables = bench.conn.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    ).fetchall()
    for table in tables:
        rows = bench.conn.execute(f"SELECT * FROM {table['table_name']}").fetchall()
        texts.append(repr(rows).encode())
    texts += [repr(bench.redis.dump(name)).encode() for name in bench.redis.scan_iter()]
    for secret in (b"s3cret-path", b"t0ken-of-forge", key.encode()):
        assert not any(secret in text for text in texts)
