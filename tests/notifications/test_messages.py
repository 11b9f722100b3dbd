"""What each chat is told: its own form, and nothing that a playbook or a caller could misuse."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from slack_sdk.models.blocks import ActionsBlock, SectionBlock

from jobs.composing import INCOMING
from jobs.targets import discord, mattermost, slack, teams, telegram
from jobs.targets.message import Answer
from jobs.targets.text import inert
from jobs.targets.told import Told
from runner import reply
from runner.credential import ApiToken, Webhook
from runner.run import RunState
from tests.made import make_run

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
HOOK = Webhook(kind="webhook", url="https://chat.example/hook/s3cret")
BOT = ApiToken(kind="api_token", base_url="https://api.example", token="b0t")
#: What somebody could write to be heard by everybody, to look like us, or to mislead.
HOSTILE = (
    "<!channel> <@U1> @all @here @everyone <users/all> </at> [here](https://evil.example) "
    "<https://evil.example|curtain.example> **bold** `code` \u202egnp.exe \u200b\nrun 99 succeeded"
)


def told(occasion="failed", link="https://curtain.example/api/v1/runs/12", **run):
    is_end = occasion in ("failed", "succeeded")
    basics = (
        {"template": "deploy-web", "reason": "release 1.2", "state": RunState(occasion)}
        if (is_end)
        else {"template": "deploy-web", "reason": "release 1.2"}
    )
    if is_end:
        basics |= {"phase": None, "message": "2 hosts failed", "finished_at": NOW}
    return Told(
        event_id=7,
        target=0,
        occasion=occasion,
        at=NOW,
        state=occasion if is_end else "running",
        run=make_run(**{**basics, **run}),
        link=link,
        now=NOW,
    )


def body(request):
    return json.loads(request.body)


def test_slack_gets_blocks_that_slack_knows():
    said = body(slack.incoming(told(), HOOK))

    assert said["text"] == "deploy-web: run 12 has failed"
    (block,) = said["blocks"]
    assert block["text"]["text"].splitlines() == [
        "*deploy-web: run 12 has failed*",
        "2 hosts failed",
        "by ada (api): release 1.2",
        "<https://curtain.example/api/v1/runs/12|run 12>",
    ]
    SectionBlock.parse(block).validate_json()


def test_without_an_address_of_ours_there_is_no_link():
    for kind, build in INCOMING.items():
        assert "curtain.example" not in build(told(link=None), HOOK).body.decode(), kind


def test_teams_gets_a_card_as_workflows_take_it():
    (attachment,) = body(teams.incoming(told(), HOOK))["attachments"]

    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert card["type"] == "AdaptiveCard"
    assert [block["inlines"][0]["text"] for block in card["body"]] == [
        "deploy-web: run 12 has failed",
        "2 hosts failed",
        "by ada (api): release 1.2",
    ]
    assert card["actions"][0]["url"] == "https://curtain.example/api/v1/runs/12"


@pytest.mark.parametrize(
    ("kind", "harmful"),
    [
        ("slack", ["<!", "<@", "<https://evil", "</at>"]),
        ("mattermost", ["@all", "@here", "@everyone", " [here](", " **bold**", " <http"]),
        ("rocketchat", ["@all", "@here", "[here](", "<http"]),
        ("discord", [" [here](", " **bold**", " <http", "<@U1>"]),
        ("google_chat", ["<users", "<http", "<@"]),
        ("teams", []),  # its text has no markup
    ],
)
def test_nobody_is_called_and_nothing_linked_by_what_others_wrote(kind, harmful):
    run = {"message": HOSTILE, "reason": HOSTILE, "triggered_by": HOSTILE}
    said = INCOMING[kind](told(link=None, **run), HOOK).body.decode()
    texts = "\n".join(_texts(json.loads(said)))

    for each in harmful:
        assert each not in texts
    assert "\u202e" not in texts
    assert "\nrun 99" not in texts


def _texts(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []


def test_discord_is_told_to_mention_nobody_and_takes_2000_characters():
    run = {"message": "*" * 9000, "reason": "[" * 9000, "triggered_by": "@" * 9000}
    said = body(discord.incoming(told(**run), HOOK))

    assert said["allowed_mentions"] == {"parse": []}
    assert len(said["content"]) <= 2000


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("one\r\ntwo\tthree\u2028four\0", "one two three four"),
        ("  ", ""),
        ("\ud800x", "x"),
        ("é" * 600, "é" * 499 + "…"),
    ],
)
def test_what_others_wrote_is_one_line(words, line):
    assert inert(words) == line


# Replies to commands


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


@pytest.mark.parametrize(
    ("status", "said", "read"),
    [
        (200, b"ok", None),
        (404, b"no_service", "no_service"),
        (403, b"invalid_token", "invalid_token"),
        (400, b"<html>", None),
        (404, b"https://chat.example/hook/s3cret", None),
        (500, b"rollup_error", None),
    ],
)
def test_slack_tells_in_a_word_why_it_refuses(status, said, read):
    assert slack.incoming(told(), HOOK).reading(Answer(status, said)) == read


def test_no_secret_is_in_what_is_shown_of_a_request():
    requests = [build(told(), HOOK) for build in INCOMING.values()]
    requests += [slack.answer(told(), SLACK), slack.thread(told(), THREAD, BOT)]
    requests += [mattermost.answer(told(), reply.read(MATTERMOST)), discord.answer(told(), DISCORD)]
    shown = repr([requests, HOOK, BOT, SLACK, reply.read(MATTERMOST), DISCORD])

    for secret in ("s3cret", "b0t", "commands", "t0ken", "abc-_.D"):
        assert secret not in shown


def test_a_stuck_stop_names_who_asked():
    run = {"stop_requested_by": "grace", "stop_requested_at": NOW}
    said = body(slack.incoming(told("stuck", **run), HOOK))

    assert "deploy-web: run 12 is stuck stopping" in said["text"]
    assert "asked by grace" in said["blocks"][0]["text"]["text"]


def test_who_has_no_reason_gives_none():
    said = body(slack.incoming(replace(told(reason=None)), HOOK))

    assert "by ada (api)\n" in said["blocks"][0]["text"]["text"]
