"""Mattermost: which token opens what, and what people type and press."""

import json

import pytest

from app.hooks import mattermost
from app.hooks.chat_sender import Button, Command, Say, Silence
from app.hooks.incoming import Denied, Unreadable
from tests.hooks.chat.chatting import (
    NOW,
    SECRET,
    as_form,
    as_json,
    incoming,
    keys,
    read_file,
    sent_form,
    sent_json,
)

SLASH = "mattermost/slash_command.form"
OUTGOING = "mattermost/outgoing_webhook.json"
ACTION = "mattermost/action.json"
STOP = Button(label="Stop", words="stop 42", is_dangerous=True)
URL = "https://curtain.example/hooks/chat"
SERVER = "https://mm.example.com"


def pressed(token, words="stop 42", **changed):
    return as_json(ACTION, context={"words": words, "token": token}, **changed)


@pytest.mark.parametrize(
    "request_",
    [
        sent_form(as_form(SLASH, token=SECRET)),
        sent_form(as_form(SLASH), {"Authorization": f"Token {SECRET}"}),
        sent_form(as_form(SLASH, token=SECRET), {"Authorization": "Basic eDp5"}),  # a proxy's
        sent_json(as_json(OUTGOING, token=SECRET)),
        sent_form({**as_json(OUTGOING), "token": SECRET}),
        sent_json(pressed(mattermost.button_token(SECRET))),
    ],
)
def test_the_right_token_is_believed(request_):
    mattermost.verify(request_, keys("another", SECRET), NOW)


@pytest.mark.parametrize(
    "request_",
    [
        sent_form(as_form(SLASH)),
        sent_form(as_form(SLASH, token="")),
        sent_form(as_form(SLASH, token=SECRET + "\n")),
        sent_form(as_form(SLASH, token="é")),
        sent_form(as_form(SLASH, token=SECRET), {"Authorization": "Token wrong"}),
        sent_form(as_form(SLASH, token=SECRET), {"Authorization": "Token "}),
        sent_form(as_form(SLASH), {"Authorization": f"Bearer {SECRET}"}),
        sent_json(as_json(OUTGOING)),
        sent_json(as_json(OUTGOING, token=None)),
        sent_json(as_json(OUTGOING, token=[SECRET])),
        sent_json(as_json(ACTION)),
        sent_json(pressed(None)),
        sent_json(pressed("")),
        sent_json(pressed(SECRET)),  # that a button knows its own token only
        sent_json({**pressed("wrong"), "token": SECRET}),
        sent_json(as_json(OUTGOING, token=mattermost.button_token(SECRET))),
        incoming(b""),
        incoming(b"{"),
        incoming(b"[" * 100_000),
    ],
)
def test_any_other_is_denied(request_):
    with pytest.raises(Denied):
        mattermost.verify(request_, keys(), NOW)


def test_a_buttons_token_does_not_show_the_secret():
    assert mattermost.button_token(SECRET) == mattermost.button_token(SECRET)
    assert mattermost.button_token(SECRET) != mattermost.button_token("another")
    assert len(mattermost.button_token(SECRET)) == 64


def test_a_slash_command_is_told():
    told = mattermost.command(read_file(SLASH), keys(server=SERVER))

    assert told == Command(
        text="stop 42",
        user="erj6qck3rfgtujs86w5r6rckzh",
        workspace="wx4zz8t4ttgmtxqiwfohijayzc",
        channel="fukxanjgjbnp7ng383at53k1sy",
        user_name="alan",
        delivery=told.delivery,
        reply={
            "kind": "mattermost_response_url",
            "url": "https://mm.example.com/hooks/commands/i11f6nnfgfyk8eg56x9omc6dpa",
        },
    )
    assert len(told.delivery) == 64


def test_a_triggers_id_of_any_length_makes_one_delivery():
    once, again, other = (
        mattermost.command(as_form(SLASH, trigger_id=trigger), keys()).delivery
        for trigger in ("x" * 300, "x" * 300, "x" * 301)
    )

    assert once == again != other


@pytest.mark.parametrize(
    ("server", "url"),
    [
        (None, "https://mm.example.com/hooks/x"),
        ("", "https://mm.example.com/hooks/x"),
        (SERVER, "http://mm.example.com/hooks/x"),
        (SERVER, "https://mm.example.com.evil/hooks/x"),
        (SERVER, "https://mm.example.com:8443/hooks/x"),
        (SERVER, "https://mm.example.com@127.0.0.1/hooks/x"),
        (SERVER, "https://u:p@mm.example.com/hooks/x"),
        (SERVER, "https://127.0.0.1\\@mm.example.com/hooks/x"),
        (SERVER, "https://mm.example.com/hooks/x\r\nHost: evil"),
        (SERVER, "//mm.example.com/hooks/x"),
        (SERVER, "https://[mm.example.com/hooks/x"),
        (SERVER, "https://mm.example.com/" + "x" * 600),
        (SERVER, "file:///etc/passwd"),
        ("http://169.254.169.254", "http://169.254.169.254@evil/"),
    ],
)
def test_only_the_hooks_own_server_is_replied_to(server, url):
    told = mattermost.command(as_form(SLASH, response_url=url), keys(server=server))

    assert isinstance(told, Command)
    assert told.reply is None


def test_a_servers_name_is_of_any_case_and_port():
    url = "http://MM.example:8065/hooks/commands/x"

    told = mattermost.command(
        as_form(SLASH, response_url=url), keys(server="http://mm.example:8065/")
    )

    assert told.reply == {"kind": "mattermost_response_url", "url": url}


def test_a_message_is_told_without_its_trigger_word():
    told = mattermost.command(read_file(OUTGOING), keys(server=SERVER))

    assert told == Command(
        text="deploy",
        user="rnina9994bde8mua79zqcg5hmo",
        workspace="kwoknj9nwpypzgzy78wkw516qe",
        channel="hawos4dqtby53pd64o4a4cmeoo",
        user_name="somename",
        delivery="axdygg1957njfe5pu38saikdho",
    )


@pytest.mark.parametrize(
    ("word", "text", "meant"),
    [
        ("#run", "#run stop 42", "stop 42"),
        ("curtain", "curtain", ""),
        ("run", "runs", "runs"),
        ("!", "!runs", "runs"),
        ("", "runs", "runs"),
        ("curtain", "  curtain   help ", "help"),
    ],
)
def test_a_trigger_word_is_a_word(word, text, meant):
    told = mattermost.command(as_json(OUTGOING, trigger_word=word, text=text), keys())

    assert told.text == meant


def test_a_button_is_told():
    told = mattermost.command(pressed("t"), keys(server=SERVER))

    assert told == Command(
        text="stop 42",
        user="rd49ehbqyjytddasoownkuqrxe",
        workspace="5xxzt146eax4tul69409opqjlf",
        channel="j6j53p28k6urx15fpcgsr20psq",
        user_name="alan",
        delivery=told.delivery,
        is_button=True,
    )
    assert told.delivery


def test_without_a_trigger_a_press_is_known_by_who_pressed_what():
    deliveries = {
        mattermost.command(pressed("t", words, user_id=user, trigger_id=""), keys()).delivery
        for words, user in [("stop 42", "a"), ("stop 42", "a"), ("stop 42", "b"), ("tail 42", "a")]
    }

    assert len(deliveries) == 3


def test_a_button_of_somebody_elses_says_nothing():
    assert isinstance(mattermost.command(read_file(ACTION), keys()), Silence)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"user_id": "u"},
        {"user_id": "u", "context": []},
        {"context": {"words": "stop 42"}},
        as_form(SLASH, text="x" * 4001),
        as_form(SLASH, channel_id="x" * 101),
    ],
)
def test_what_is_no_message_is_unreadable(content):
    with pytest.raises(Unreadable):
        mattermost.command(content, keys())


def test_a_command_is_answered_to_the_one_who_asked():
    private = mattermost.answer(Say(text="no"), read_file(SLASH), keys())
    public = mattermost.answer(Say(text="yes", is_private=False), read_file(SLASH), keys())

    assert private == {"text": "no", "response_type": "ephemeral", "skip_slack_parsing": True}
    assert public["response_type"] == "in_channel"


def test_a_message_is_answered_by_a_comment():
    assert (
        mattermost.answer(Say(text="x"), read_file(OUTGOING), keys())["response_type"] == "comment"
    )


def test_a_press_is_answered_to_the_one_who_pressed():
    assert mattermost.answer(Say(text="x"), pressed("t"), keys()) == {
        "ephemeral_text": "x",
        "skip_slack_parsing": True,
    }


def test_a_button_brings_back_what_is_believed():
    say = Say(text="run 42 has begun", buttons=(STOP, Button(label="Log", words="tail 42")))
    answered = mattermost.answer(say, read_file(SLASH), keys(button_url=URL))
    stop, log = answered["attachments"][0]["actions"]

    press = sent_json(as_json(ACTION, context=stop["integration"]["context"]))
    mattermost.verify(press, keys(), NOW)

    assert stop["integration"]["url"] == URL
    assert mattermost.command(mattermost.read(press), keys()).text == "stop 42"
    assert (stop["style"], log["style"]) == ("danger", "default")
    assert stop["id"] != log["id"]
    assert stop["id"].isalnum()
    assert SECRET not in json.dumps(answered)


def test_without_a_url_for_them_there_are_no_buttons():
    answered = mattermost.answer(Say(text="x", buttons=(STOP,)), read_file(SLASH), keys())

    assert "attachments" not in answered
