"""Telegram: updates by their secret token, and commands as bots get them."""

import pytest

from app.hooks import telegram
from app.hooks.chat_sender import Command, Say, Silence
from app.hooks.incoming import Denied, Unreadable
from tests.hooks.chat.chatting import NOW, SECRET, as_json, keys, read_file, sent_file

UPDATE = "telegram/update.json"
HEADER = "X-Telegram-Bot-Api-Secret-Token"


def told(**changed):
    """What is understood of a message with these fields."""
    content = as_json(UPDATE)
    content["message"] |= changed
    return telegram.command(content, keys())


def test_the_secret_token_is_believed():
    telegram.verify(sent_file(UPDATE, {HEADER: SECRET}), keys("another", SECRET), NOW)


@pytest.mark.parametrize("given", ["", "wrong", SECRET + " ", f"{SECRET}, {SECRET}", "é", "\udc80"])
def test_any_other_is_denied(given):
    with pytest.raises(Denied):
        telegram.verify(sent_file(UPDATE, {HEADER: given}), keys(), NOW)


def test_a_request_without_a_token_is_denied():
    with pytest.raises(Denied):
        telegram.verify(sent_file(UPDATE), keys(), NOW)


def test_a_message_is_told():
    assert telegram.command(read_file(UPDATE), keys()) == Command(
        text="stop 42",
        user="1111111",
        channel="1111111",
        user_name="Testusername",
        delivery="10000",
        reply={"kind": "telegram", "chat": 1111111, "message": 1365},
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("/run@curtain_bot deploy v=1", "run deploy v=1"),
        ("/run deploy", "run deploy"),
        ("/runs", "runs"),
        ("/start", "help"),
        ("/start@curtain_bot", "help"),
        ("/stop\n42", "stop\n42"),
        ("status", "status"),
        ("/run x note=“two words”", 'run x note="two words"'),
        ("/", "/"),
    ],
)
def test_a_slash_is_not_part_of_the_words(text, meant):
    assert told(text=text).text == meant


def test_in_a_group_only_commands_are_told():
    group = {"id": -100123, "type": "supergroup"}

    assert told(chat=group, text="/stop 42").channel == "-100123"
    assert isinstance(told(chat=group, text="stop 42"), Silence)


@pytest.mark.parametrize(
    "changed",
    [
        {"from": {"id": 1087968824, "is_bot": True}},  # an administrator who hides the name
        {"from": None},
        {"text": None},
        {"text": ""},
    ],
)
def test_what_nobody_has_said_says_nothing(changed):
    assert isinstance(told(**changed), Silence)


@pytest.mark.parametrize("kind", ["edited_message", "channel_post", "callback_query"])
def test_what_is_no_new_message_says_nothing(kind):
    content = as_json(UPDATE)
    content[kind] = content.pop("message")

    assert isinstance(telegram.command(content, keys()), Silence)


@pytest.mark.parametrize(
    "content", [{}, as_json(UPDATE, update_id=None), as_json(UPDATE, update_id=2**70)]
)
def test_what_is_no_update_is_unreadable(content):
    with pytest.raises(Unreadable):
        telegram.command(content, keys())


def test_an_answer_is_the_bots_next_request():
    assert telegram.answer(Say(text="*x* <b>"), read_file(UPDATE), keys()) == {
        "method": "sendMessage",
        "chat_id": 1111111,
        "text": "*x* <b>",
        "link_preview_options": {"is_disabled": True},
        "reply_parameters": {"message_id": 1365, "allow_sending_without_reply": True},
    }


def test_an_answer_has_room():
    answered = telegram.answer(Say(text="x" * 5000), read_file(UPDATE), keys())

    assert len(answered["text"]) == 4000
