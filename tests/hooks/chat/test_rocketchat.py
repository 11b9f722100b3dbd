"""Rocket.Chat: outgoing integrations by their token."""

import pytest

from app.hooks import rocketchat
from app.hooks.chat_sender import Command, Say, Silence
from app.hooks.incoming import Denied, Unreadable
from tests.hooks.chat.chatting import NOW, SECRET, as_json, incoming, keys, read_file, sent_json

MESSAGE = "rocketchat/outgoing.json"


def test_the_token_is_believed():
    rocketchat.verify(sent_json(as_json(MESSAGE)), keys("another", "rc-token-1"), NOW)


@pytest.mark.parametrize(
    "request_",
    [
        sent_json(as_json(MESSAGE, token="")),
        sent_json(as_json(MESSAGE, token=None)),
        sent_json(as_json(MESSAGE, token=True)),
        sent_json({}),
        sent_json({"token": SECRET + "x"}),
        incoming(b""),
        incoming(b'{"token": "a secret of a test", "token": "a secret of a test"}'),
        incoming("é".encode("utf-16")),
    ],
)
def test_any_other_is_denied(request_):
    with pytest.raises(Denied):
        rocketchat.verify(request_, keys(), NOW)


def test_a_message_is_told_without_its_trigger_word():
    assert rocketchat.command(read_file(MESSAGE), keys()) == Command(
        text="stop 42", user="u1", channel="GENERAL", user_name="alice", delivery="abc"
    )


@pytest.mark.parametrize("changed", [{"bot": {"i": "x"}}, {"bot": True}, {"isEdited": True}])
def test_bots_and_edits_say_nothing(changed):
    assert isinstance(rocketchat.command(as_json(MESSAGE, **changed), keys()), Silence)


@pytest.mark.parametrize(
    "content", [{}, as_json(MESSAGE, user_id=""), {"text": "x", "user_id": []}]
)
def test_what_is_no_message_is_unreadable(content):
    with pytest.raises(Unreadable):
        rocketchat.command(content, keys())


def test_an_answer_is_shown_as_it_is():
    assert rocketchat.answer(Say(text="yes"), {}, keys()) == {"text": "yes"}
    assert rocketchat.answer(Say(text="*x*"), {}, keys()) == {"text": "```\n*x*\n```"}
