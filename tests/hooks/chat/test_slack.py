"""Slack: what it signs, what people type and press, and what it is answered."""

import json
from urllib.parse import urlencode

import pytest

from app.hooks import slack
from app.hooks.chat_sender import Button, Command, Say, Silence
from app.hooks.incoming import FORM, Denied, Unreadable
from app.hooks.sender import Handshake
from tests.hooks.chat.chatting import (
    NOW,
    SECRET,
    as_form,
    as_json,
    incoming,
    keys,
    payload,
    read_file,
    sent_form,
    signed_by_slack,
)

BODY = payload("slack/slash_unicode.form")
STOP = Button(label="Stop", words="stop 42", is_dangerous=True)


def said(text):
    """What is understood of *text* as Slack sends it."""
    return slack.command(as_form("slack/slash_command.form", text=text), keys()).text


def happened(**changed):
    """What is understood of a mention with these fields."""
    content = as_json("slack/event_callback.json")
    content["event"] |= changed
    return slack.command(content, keys())


# --- verification


def test_what_slack_has_signed_is_believed():
    slack.verify(signed_by_slack(BODY, FORM), keys(), NOW)


def test_either_of_two_secrets_is_enough():
    slack.verify(signed_by_slack(BODY, FORM, secret="old"), keys("new", "old"), NOW)


@pytest.mark.parametrize("age", [-300, 300])
def test_a_signature_holds_for_five_minutes_either_way(age):
    slack.verify(signed_by_slack(BODY, FORM), keys(), NOW + age)

    with pytest.raises(Denied):
        slack.verify(signed_by_slack(BODY, FORM), keys(), NOW + age + age / 300)


@pytest.mark.parametrize(
    ("timestamp", "why"),
    [
        ("", "empty"),
        ("abc", "no number"),
        ("1.5", "no whole number"),
        ("nan", "a float's word"),
        ("+1775000000", "int() takes a sign"),
        (" 1775000000", "int() takes blanks"),
        ("1_775_000_000", "int() takes underscores"),
        ("\N{ARABIC-INDIC DIGIT ONE}775000000", "int() takes Arabic digits"),
        ("9" * 400, "more than a float holds"),
        ("1775000000, 1775000000", "given twice"),
    ],
)
def test_a_timestamp_is_digits_only(timestamp, why):
    with pytest.raises(Denied):
        slack.verify(signed_by_slack(BODY, FORM, timestamp=timestamp), keys(), NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda right: "",
        lambda right: "v0=",
        lambda right: right.removeprefix("v0="),
        lambda right: right.upper(),
        lambda right: right[:-1],
        lambda right: right + "00",
        lambda right: right[:-1] + "é",
        lambda right: f"{right}, {right}",
        lambda right: right.replace("v0", "v1"),
    ],
)
def test_a_signature_has_one_form(change):
    request = signed_by_slack(BODY, FORM)
    headers = {**request.headers, "x-slack-signature": change(request.headers["x-slack-signature"])}

    with pytest.raises(Denied):
        slack.verify(incoming(BODY, headers, FORM), keys(), NOW)


def test_a_body_that_is_not_utf_8_is_denied():
    request = signed_by_slack(b"text=x", FORM)

    with pytest.raises(Denied):
        slack.verify(incoming(b"text=\xff", dict(request.headers), FORM), keys(), NOW)


def test_a_check_of_the_certificate_opens_no_door():
    fields = as_form("slack/slash_command.form", ssl_check="1")

    with pytest.raises(Denied):
        slack.verify(sent_form(fields), keys(), NOW)


@pytest.mark.parametrize("secrets", [("",), (" ",)])
def test_an_empty_secret_believes_nothing(secrets):
    with pytest.raises(Denied):
        slack.verify(signed_by_slack(BODY, FORM), keys(*secrets), NOW)


# --- what was said


def test_a_slash_command_is_told():
    content = as_form("slack/slash_command.form", text="stop 42")

    told = slack.command(content, keys())

    assert told == Command(
        text="stop 42",
        user="U2CERLKJA",
        workspace="T1DC2JH3J",
        channel="G8PSS9T3V",
        user_name="roadrunner",
        delivery=told.delivery,
        reply={"kind": "slack_response_url", "url": content["response_url"]},
    )
    assert told.delivery
    assert content["trigger_id"] not in told.delivery  # it opens dialogs


def test_a_command_without_words_is_empty():
    assert slack.command(read_file("slack/slash_command.form"), keys()).text == ""


def test_unicode_is_kept():
    content = read_file("slack/slash_unicode.form")

    assert slack.command(content, keys()).text == "déploy prod ✓ a;b"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("run x note=&lt;a&gt; &amp; b", "run x note=<a> & b"),
        ("run x note=&amp;lt;", "run x note=&lt;"),
        ("stop 42 <@U1|bob> asked", "stop 42 @bob asked"),
        ("stop 42 <@U1>", "stop 42 @U1"),
        ("run x where=<#C1|ops>", "run x where=#ops"),
        ("run x host=<http://web1.example|web1.example>", "run x host=web1.example"),
        ("run x url=<https://a.example/?a=1&amp;b=2>", "run x url=https://a.example/?a=1&b=2"),
        ("stop 42 <!here>", "stop 42 @here"),
        ("stop 42 <!subteam^S1|@ops>", "stop 42 @ops"),
        ("run x note=“two words”", 'run x note="two words"'),
        (
            "run x note=\N{LEFT SINGLE QUOTATION MARK}two words\N{RIGHT SINGLE QUOTATION MARK}",
            "run x note='two words'",
        ),
        ("run x —check", "run x --check"),
        ("  run\u00a0x  ", "run x"),
    ],
)
def test_what_slack_has_made_of_words_is_undone(text, meant):
    assert said(text) == meant


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://hooks.slack.com/commands/T1/1/x",
        "https://hooks.slack.com.evil/commands/T1/1/x",
        "https://hooks.slack.com@evil.example/x",
        "https://hooks.slack.com:444/x",
        "https://hooks.slack.com/x y",
        "https://hooks.slack.com/x\r\ny",
        "https://hooks.slack.com/" + "x" * 2000,
        "",
    ],
)
def test_only_slacks_own_url_is_replied_to(url):
    told = slack.command(as_form("slack/slash_command.form", response_url=url), keys())

    assert isinstance(told, Command)
    assert told.reply is None


def test_a_button_is_told():
    content = read_file("slack/block_actions.form")

    told = slack.command(content, keys())

    assert told == Command(
        text="run:42",
        user="W111",
        workspace="T111",
        channel="C111",
        user_name="primary-owner",
        delivery=told.delivery,
        is_button=True,
        reply={"kind": "slack_response_url", "url": content["response_url"]},
        is_answered_at_reply=True,
    )


def test_a_press_told_twice_has_one_delivery_and_a_second_press_another():
    content = read_file("slack/block_actions.form")
    again = json.loads(json.dumps(content))
    again["actions"][0]["action_ts"] = "1596530390.1"

    first, same, second = (
        slack.command(each, keys()).delivery for each in (content, content, again)
    )

    assert first == same != second


@pytest.mark.parametrize(
    "action", [{}, {"type": "button"}, {"type": "static_select", "value": "stop 42"}]
)
def test_what_is_no_button_of_ours_says_nothing(action):
    content = read_file("slack/block_actions.form") | {"actions": [action]}

    assert isinstance(slack.command(content, keys()), Silence)


def test_a_mention_is_told_without_the_mention():
    told = slack.command(read_file("slack/event_callback.json"), keys())

    assert told == Command(
        text="hello world",
        user="AAAAAAAAA",
        workspace="XXXXXXXXX",
        channel="TTTTTTTTT",
        delivery="TvBP7LRED7",
        reply={"kind": "slack_thread", "channel": "TTTTTTTTT", "thread": "1531431954.000073"},
        is_answered_at_reply=True,
    )


def test_a_reply_goes_to_the_thread_that_was_written_in():
    told = happened(thread_ts="1531431900.1")

    assert told.reply["thread"] == "1531431900.1"


def test_a_guest_of_another_workspace_is_of_that_workspace():
    assert happened(user_team="T_OTHER").workspace == "T_OTHER"


def test_a_message_in_a_talk_with_us_is_told():
    told = happened(type="message", channel_type="im", text="status")

    assert told.text == "status"


@pytest.mark.parametrize(
    "changed",
    [
        {"bot_id": "B1"},
        {"subtype": "bot_message"},
        {"subtype": "message_changed"},
        {"subtype": "channel_join"},
        {"edited": {"user": "U1", "ts": "1.1"}},
        {"user": None},
        {"type": "message", "channel_type": "channel"},  # else a mention would be run twice
        {"type": "message"},
        {"type": "reaction_added"},
    ],
)
def test_what_was_not_said_to_us_says_nothing(changed):
    assert isinstance(happened(**changed), Silence)


def test_a_challenge_is_given_back():
    content = read_file("slack/url_verification.json")

    shake = slack.command(content, keys())

    assert isinstance(shake, Handshake)
    assert shake.answer == {"challenge": content["challenge"]}


def test_a_check_of_the_certificate_runs_nothing():
    content = as_form("slack/slash_command.form", text="run x", ssl_check="1")

    assert isinstance(slack.command(content, keys()), Handshake)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"type": "url_verification"},
        {"type": "event_callback"},
        {"type": "event_callback", "event": []},
        {"command": "/run", "text": "x"},
        as_form("slack/slash_command.form", text="x" * 4001),
        as_form("slack/slash_command.form", user_id="U" * 101),
        as_form("slack/slash_command.form", user_id="U1\nU2"),
    ],
)
def test_what_is_no_message_is_unreadable(content):
    with pytest.raises(Unreadable):
        slack.command(content, keys())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"payload=",
        b"payload=[]",
        b"payload={}&payload={}",
        b"payload=" + b"%5B" * 20000,
        b"text=%FF",
        b"text=%00",
        b"text=a&text=b",
    ],
)
def test_an_odd_form_is_unreadable(body):
    with pytest.raises(Unreadable):
        slack.command(slack.read(incoming(body, media_type=FORM)), keys())


# --- the answer


def test_a_command_is_answered_to_the_one_who_asked():
    content = read_file("slack/slash_command.form")

    private = slack.answer(Say(text="no <@U1> & *bold*"), content, keys())
    public = slack.answer(Say(text="yes", is_private=False), content, keys())

    assert private == {
        "text": "no &lt;@U1&gt; &amp; *bold*",
        "mrkdwn": False,
        "response_type": "ephemeral",
    }
    assert public["response_type"] == "in_channel"


def test_a_button_brings_back_its_words():
    answered = slack.answer(
        Say(text="run 42 has begun", buttons=(STOP,)), read_file("slack/slash_command.form"), keys()
    )
    (pressed,) = answered["blocks"][1]["elements"]
    press = read_file("slack/block_actions.form")
    press["actions"] = [{**pressed, "action_ts": "1.1"}]
    body = urlencode({"payload": json.dumps(press)}).encode()
    request = signed_by_slack(body, FORM)

    slack.verify(request, keys(), NOW)
    told = slack.command(slack.read(request), keys())

    assert pressed["style"] == "danger"
    assert told.text == "stop 42"
    assert told.is_button


def test_a_press_is_answered_beside_the_message_with_the_button():
    answered = slack.answer(Say(text="stopping"), read_file("slack/block_actions.form"), keys())

    assert answered["replace_original"] is False


def test_an_event_is_answered_in_its_thread():
    content = read_file("slack/event_callback.json")

    private = slack.answer(Say(text="no"), content, keys())
    public = slack.answer(Say(text="yes", is_private=False), content, keys())

    assert private == {
        "text": "no",
        "mrkdwn": False,
        "channel": "TTTTTTTTT",
        "thread_ts": "1531431954.000073",
        "user": "AAAAAAAAA",
    }
    assert "user" not in public


@pytest.mark.parametrize("shift", range(6))
def test_a_long_answer_is_cut_behind_a_whole_character(shift):
    answered = slack.answer(
        Say(text="x" * shift + "&" * 3000), read_file("slack/slash_command.form"), keys()
    )

    assert len(answered["text"]) <= 3000
    assert answered["text"].removesuffix("…")[shift:].replace("&amp;", "") == ""


def test_no_answer_holds_the_secret():
    say = Say(text="x", buttons=(STOP,))

    assert SECRET not in str(slack.answer(say, read_file("slack/slash_command.form"), keys()))
