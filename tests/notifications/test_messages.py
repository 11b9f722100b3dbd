"""What each chat is told: its own form, and nothing that a playbook or a caller could misuse."""

import json
from dataclasses import replace

import pytest
from slack_sdk.models.blocks import SectionBlock

from jobs.composing import INCOMING
from jobs.targets import discord, slack, teams
from jobs.targets.message import Answer
from jobs.targets.text import inert
from tests.notifications.telling import HOOK, HOSTILE, NOW, body, told


def test_slack_gets_blocks_that_slack_knows():
    said = body(slack.incoming(told(), HOOK))

    assert said["text"] == "deploy-web: run 12 has failed"
    (block,) = said["blocks"]
    assert block["text"]["text"].splitlines() == [
        "*deploy-web: run 12 has failed*",
        "2 hosts failed",
        "by ada (api): release 1.2",
        "<https://curtain.example/runs/12|run 12>",
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
    assert card["actions"][0]["url"] == "https://curtain.example/runs/12"


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


def test_a_stuck_stop_names_who_asked():
    run = {"stop_requested_by": "grace", "stop_requested_at": NOW}
    said = body(slack.incoming(told("stuck", **run), HOOK))

    assert "deploy-web: run 12 is stuck stopping" in said["text"]
    assert "asked by grace" in said["blocks"][0]["text"]["text"]


def test_who_has_no_reason_gives_none():
    said = body(slack.incoming(replace(told(reason=None)), HOOK))

    assert "by ada (api)\n" in said["blocks"][0]["text"]["text"]
