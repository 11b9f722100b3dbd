"""Zulip: outgoing webhooks in both of its forms."""

import pytest

from app.hooks import zulip
from app.hooks.chat_sender import Command, Say
from app.hooks.incoming import Denied, Unreadable
from tests.hooks.chat.chatting import (
    NOW,
    SECRET,
    as_json,
    incoming,
    keys,
    read_file,
    sent_form,
    sent_json,
)

MESSAGE = "zulip/outgoing.json"
#: As zulip/zulip writes it in zerver/lib/outgoing_webhook.py.
FORM = {
    "token": SECRET,
    "team_id": "T2",
    "team_domain": "zulip.example.com",
    "channel_id": "C5",
    "channel_name": "ops",
    "thread_ts": "1775000000",
    "timestamp": "1775000000",
    "user_id": "U21",
    "user_name": "Alice",
    "text": "@**run** stop 42",
    "trigger_word": "mention",
    "service_id": "7",
}


@pytest.mark.parametrize("request_", [sent_json(as_json(MESSAGE, token=SECRET)), sent_form(FORM)])
def test_the_token_is_believed(request_):
    zulip.verify(request_, keys("another", SECRET), NOW)


@pytest.mark.parametrize(
    "request_",
    [
        sent_json(as_json(MESSAGE)),
        sent_json(as_json(MESSAGE, token=None)),
        sent_form({**FORM, "token": ""}),
        sent_form({}),
        incoming(b"token=" + SECRET.encode()),
    ],
)
def test_any_other_is_denied(request_):
    with pytest.raises(Denied):
        zulip.verify(request_, keys(), NOW)


def test_a_message_is_told_without_the_mention():
    assert zulip.command(read_file(MESSAGE), keys()) == Command(
        text="stop 42", user="21", user_name="Alice", delivery="112"
    )


def test_a_messages_stream_and_realm_are_told():
    content = as_json(MESSAGE)
    content["message"] |= {"stream_id": 5, "sender_realm_str": "acme"}

    told = zulip.command(content, keys())

    assert (told.channel, told.workspace) == ("5", "acme")


def test_slacks_form_is_told():
    told = zulip.command({**FORM}, keys())

    assert told == Command(
        text="stop 42",
        user="U21",
        workspace="T2",
        channel="C5",
        user_name="Alice",
        delivery="C5.U21.1775000000.@**run** stop 42",
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("stop 42", "stop 42"),
        ("@**run|23** stop 42", "stop 42"),
        ("@_**run** stop 42", "stop 42"),
        ("@**run**", ""),
        ("run x note=**bold**", "run x note=**bold**"),
    ],
)
def test_only_a_mention_at_the_start_is_taken_away(text, meant):
    assert zulip.command(as_json(MESSAGE, data=text), keys()).text == meant


@pytest.mark.parametrize("content", [{}, {"message": {}}, {"text": "x"}, {"message": [1]}])
def test_what_is_no_message_is_unreadable(content):
    with pytest.raises(Unreadable):
        zulip.command(content, keys())


def test_each_form_has_its_own_name_for_the_answer():
    assert zulip.answer(Say(text="yes"), read_file(MESSAGE), keys()) == {"content": "yes"}
    assert zulip.answer(Say(text="yes"), {**FORM}, keys()) == {"text": "yes"}


def test_an_answer_rings_nobodys_phone():
    answered = zulip.answer(Say(text="@**all** hello"), read_file(MESSAGE), keys())

    assert "@**" not in answered["content"]
