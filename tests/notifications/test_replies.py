"""Answers to commands: where they go, and which buttons they have."""

import pytest
from slack_sdk.models.blocks import ActionsBlock

from jobs.composing import INCOMING
from jobs.targets import discord, mattermost, slack, telegram
from jobs.targets.message import Answer
from runner import reply
from runner.run import RunState
from tests.notifications.telling import BOT, HOOK, body, told

SLACK = reply.read({"kind": "slack_response_url", "url": "https://hooks.slack.com/commands/T/1/x"})
THREAD = reply.read(
    {"kind": "slack_thread", "credential": "bot", "channel": "C1", "thread": "1690.01"}
)
MATTERMOST = {
    "kind": "mattermost_response_url",
    "url": "https://chat.example:8065/hooks/commands/x",
    "host": "chat.example:8065",
    "button_url": "https://curtain.example/hooks/mm",
    "button_token": "t0ken",
}
DISCORD = reply.read({"kind": "discord_followup", "application": "123", "token": "abc-_.D"})
TELEGRAM = {"kind": "telegram", "credential": "bot", "chat": -100, "message": 5}


@pytest.mark.parametrize(
    ("occasion", "run", "value"),
    [
        ("started", {}, "stop 12"),
        ("failed", {}, "rerun 12"),
        # told late: what it offered would be refused
        ("started", {"state": RunState.FAILED}, None),
    ],
)
def test_a_reply_offers_what_can_be_done_with_the_run_now(occasion, run, value):
    event = told(occasion, **run)

    in_slack = [block for block in body(slack.answer(event, SLACK))["blocks"]][1:]
    in_thread = [block for block in body(slack.thread(event, THREAD, BOT))["blocks"]][1:]
    in_mattermost = body(mattermost.answer(event, reply.read(MATTERMOST)))["attachments"]
    in_discord = body(discord.answer(event, DISCORD)).get("components", [])

    if value is None:
        assert in_slack == in_thread == in_mattermost == in_discord == []
        return
    for (block,) in (in_slack, in_thread):
        ActionsBlock.parse(block).validate_json()
        assert block["elements"][0]["value"] == value
    (action,) = in_mattermost[0]["actions"]
    assert action["integration"] == {
        "url": "https://curtain.example/hooks/mm",
        "context": {"token": "t0ken", "words": value},
    }
    assert in_discord[0]["components"][0]["custom_id"] == value


def test_replies_go_where_their_chat_is():
    event = told("started")

    assert slack.answer(event, SLACK).url == SLACK.url
    in_thread = slack.thread(event, THREAD, BOT)
    assert in_thread.url == "https://api.example/chat.postMessage"
    assert in_thread.headers["Authorization"] == "Bearer b0t"
    assert (body(in_thread)["channel"], body(in_thread)["thread_ts"]) == ("C1", "1690.01")
    followup = discord.answer(event, DISCORD)
    assert followup.url == "https://discord.com/api/v10/webhooks/123/abc-_.D"
    message = telegram.answer(event, reply.read(TELEGRAM), BOT)
    assert message.url == "https://api.example/botb0t/sendMessage"
    assert body(message)["reply_parameters"]["message_id"] == 5
    assert "parse_mode" not in body(message)


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "slack_response_url", "url": "https://hooks.slack.com.evil.example/x"},
        {"kind": "slack_response_url", "url": "http://127.0.0.1/x"},
        {"kind": "slack_response_url", "url": "https://hooks.slack.com@evil.example/x"},
        MATTERMOST | {"url": "https://evil.example/hooks/commands/x"},
        MATTERMOST | {"url": "https://chat.example/hooks/commands/x"},  # another port
        {"kind": "discord_followup", "application": "1/../2", "token": "x"},
        {"kind": "discord_followup", "application": "1", "token": "../../x"},
        {"kind": "pager"},
        {},
    ],
)
def test_a_reply_to_anywhere_else_is_refused_and_not_repeated(bad):
    with pytest.raises(reply.ReplyRefused) as refused:
        reply.read(bad)

    assert "evil" not in repr(refused.value)


def test_a_reply_may_be_any_target():
    read = reply.read({"kind": "slack", "credential": "chat"})

    assert (read.kind, read.credential) == ("slack", "chat")


@pytest.mark.parametrize(
    ("status", "said", "read"),
    [
        (200, b'{"ok": true}', True),
        (200, b'{"ok": false, "error": "channel_not_found"}', "channel_not_found"),
        (200, b'{"ok": false, "error": "ratelimited"}', False),
        (200, b'{"ok": false, "error": "<b0t>"}', "not ok"),
        (200, b"", None),
        (429, b'{"ok": false, "error": "ratelimited"}', None),
    ],
)
def test_slack_answers_200_to_all_that_it_understands(status, said, read):
    request = slack.thread(told("started"), THREAD, BOT)

    assert request.reading(Answer(status, said)) == read


def test_no_secret_is_in_what_is_shown_of_a_request():
    requests = [build(told(), HOOK) for build in INCOMING.values()]
    requests += [slack.answer(told(), SLACK), slack.thread(told(), THREAD, BOT)]
    requests += [mattermost.answer(told(), reply.read(MATTERMOST)), discord.answer(told(), DISCORD)]
    shown = repr([requests, HOOK, BOT, SLACK, reply.read(MATTERMOST), DISCORD])

    for secret in ("s3cret", "b0t", "commands", "t0ken", "abc-_.D"):
        assert secret not in shown
