"""Chats through a runner: every kind arrives, replies answer where the command was given."""

import pytest

from jobs import composing
from jobs.notifications import DESK, Desk, send
from jobs.outward import way
from runner.settings import Settings
from runner.store import outbox
from runner.store.connection import Line
from runner.vault import Vault
from tests.notifications.target import status
from tests.waiting import wait_until


def test_every_chat_is_told_by_its_own_webhook(bench, sending, post, target):
    kinds = ("slack", "mattermost", "rocketchat", "discord", "teams", "google_chat")
    for kind in kinds:
        bench.keep(kind, kind="webhook", url=f"{target.url}/{kind}")

    post.tell(*({"kind": kind, "credential": kind} for kind in kinds))

    post.await_states(*["sent"] * 6)
    assert sorted(heard.path for heard in target.heard) == sorted(f"/{kind}" for kind in kinds)
    for heard in target.heard:
        assert heard.headers["content-type"] == "application/json"
        assert b"deploy-web: run 1 has succeeded" in heard.body


@pytest.fixture
def bot(bench, target):
    """A bot whose API is the target."""
    bench.keep("bot", kind="api_token", base_url=target.url, token="b0t")


@pytest.mark.parametrize(
    ("reply", "path", "offers"),
    [
        ({"kind": "telegram", "credential": "bot", "chat": 7}, "/botb0t/sendMessage", None),
        (
            {"kind": "slack_thread", "credential": "bot", "channel": "C1", "thread": "1.2"},
            "/chat.postMessage",
            [b"stop 1", b"rerun 1"],
        ),
        (
            {
                "kind": "mattermost_response_url",
                "url": "{url}/hooks/commands/x",
                "host": "127.0.0.1:{port}",
                "button_url": "https://curtain.example/hooks/mm",
                "button_token": "t0ken",
            },
            "/hooks/commands/x",
            [b"stop 1", b"rerun 1"],
        ),
        ({"kind": "callback", "credential": "hook"}, "/hook/s3cret-path", None),
    ],
    ids=["telegram", "slack", "mattermost", "callback"],
)
def test_a_command_is_answered_when_its_run_starts_and_when_it_ends(
    sending, post, target, bot, callback, reply, path, offers
):
    target.answers = [status(200, b'{"ok": true}')]
    place = {"{url}": target.url, "{port}": str(target.port)}
    for name, value in reply.items():
        for mark, meant in place.items():
            value = value.replace(mark, meant) if isinstance(value, str) else value
        reply[name] = value
    run = post.start(post.queue(reply=reply))
    wait_until(lambda: len(target.heard) == 1)

    post.finish(run)

    post.await_states("sent", "sent")
    assert [heard.path for heard in target.heard] == [path] * 2
    for heard, offer in zip(target.heard, offers or (), strict=False):
        assert offer in heard.body


def test_a_reply_that_nobody_can_read_is_dead(sending, post, conn):
    run = post.queue(reply={"kind": "telegram", "credential": "x", "chat": 1})
    conn.execute("UPDATE runs SET reply = 'not sealed by us'")

    post.finish(post.claim(run))

    (row,) = post.await_states("dead")
    assert "CURTAIN_SECRET_KEY" in row["reason"]


def test_a_reply_to_nowhere_that_its_chat_has_is_dead(sending, post, target):
    reply = {"kind": "slack_response_url", "url": f"{target.url}/s3cret"}

    post.finish(post.claim(post.queue(reply=reply)))

    (row,) = post.await_states("dead")
    assert "none that its chat has" in row["reason"]
    assert target.heard == []


def test_what_cannot_be_written_is_dead_and_not_tried_for_ever(
    bench, conn, post, caplog, monkeypatch
):
    def broken(*_):
        raise TypeError("the t0ken is no number")

    monkeypatch.setitem(composing.INCOMING, "slack", broken)
    bench.keep("chat", kind="webhook", url="https://chat.example/x")
    post.tell({"kind": "slack", "credential": "chat"})
    settings = Settings.from_environ(bench.environ)
    line = Line(settings.database_url)
    token = DESK.set(Desk(settings, Vault(settings.secret_key), line, way(())))
    (due,) = outbox.claim(conn, limit=1, lease=60)

    send(*due)

    DESK.reset(token)
    line.close()
    (row,) = post.rows()
    assert row["state"] == "dead"
    assert row["reason"] == "it cannot be written: TypeError, see the log"
    assert any(record.exc_info for record in caplog.records)
