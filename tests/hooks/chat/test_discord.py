"""Discord: signed interactions, and what they are answered."""

import json

import pytest
from nacl.signing import SigningKey

from app.hooks import discord
from app.hooks.chat_sender import Button, Command, Say, Silence
from app.hooks.incoming import Denied, Unreadable
from app.hooks.sender import Handshake
from tests.hooks.chat.chatting import NOW, as_json, incoming, keys, payload, read_file

KEY = SigningKey(b"a key that is only made of tests")
PUBLIC = KEY.verify_key.encode().hex()
COMMAND = "discord/application_command.json"


def signed(body, timestamp="1775000000", key=KEY):
    signature = key.sign(timestamp.encode() + body).signature.hex()
    headers = {"X-Signature-Ed25519": signature, "X-Signature-Timestamp": timestamp}
    return incoming(body, headers)


def test_what_pynacl_has_signed_is_believed():
    discord.verify(signed(payload(COMMAND)), keys(PUBLIC.upper()), NOW)


def test_either_of_two_keys_is_enough():
    discord.verify(signed(b"{}"), keys("00" * 32, "no key", PUBLIC), NOW)


def test_a_wrong_signature_of_a_ping_is_denied():
    other = SigningKey(b"another key that is made of test")

    with pytest.raises(Denied):
        discord.verify(signed(payload("discord/ping.json"), key=other), keys(PUBLIC), NOW)


@pytest.mark.parametrize(
    "key", ["", "é", "0" * 63, "g" * 64, PUBLIC + " ", " " + PUBLIC, "00" * 32]
)
def test_what_is_no_key_believes_nothing(key):
    with pytest.raises(Denied):
        discord.verify(signed(b"{}"), keys(key), NOW)


@pytest.mark.parametrize(
    ("header", "change"),
    [
        ("x-signature-ed25519", lambda right: ""),
        ("x-signature-ed25519", lambda right: right[:-2]),
        ("x-signature-ed25519", lambda right: right + "00"),
        ("x-signature-ed25519", lambda right: right[:-1] + "g"),
        ("x-signature-ed25519", lambda right: right[:-1] + "é"),
        ("x-signature-ed25519", lambda right: f"{right}, {right}"),
        ("x-signature-ed25519", lambda right: " ".join([right[:2], right[2:]])),
        ("x-signature-timestamp", lambda right: ""),
        ("x-signature-timestamp", lambda right: "1775000001"),
        ("x-signature-timestamp", lambda right: right + "é"),
    ],
)
def test_the_headers_have_one_form(header, change):
    request = signed(payload(COMMAND))
    headers = {**request.headers, header: change(request.headers[header])}

    with pytest.raises(Denied):
        discord.verify(incoming(request.body, headers), keys(PUBLIC), NOW)


@pytest.mark.parametrize("seconds", [-3601, 3601])
def test_what_was_signed_long_ago_is_not_believed(seconds):
    with pytest.raises(Denied):
        discord.verify(signed(payload(COMMAND)), keys(PUBLIC), NOW + seconds)
    discord.verify(signed(payload(COMMAND)), keys(PUBLIC), NOW + seconds // 2)


def test_a_digit_moved_from_the_timestamp_to_the_body_makes_no_message():
    request = signed(payload(COMMAND))
    timestamp = request.header("X-Signature-Timestamp")
    headers = {**request.headers, "x-signature-timestamp": timestamp[:-1]}
    moved = incoming(timestamp[-1:].encode() + request.body, headers)

    with pytest.raises(Denied):
        discord.verify(moved, keys(PUBLIC), NOW)
    discord.verify(moved, keys(PUBLIC), NOW / 10)  # the signed bytes are the same
    with pytest.raises(Unreadable):
        discord.read(moved)


def test_a_ping_is_answered_with_a_pong():
    shake = discord.command(read_file("discord/ping.json"), keys())

    assert isinstance(shake, Handshake)
    assert shake.answer == {"type": 1}


def test_a_command_is_told():
    content = read_file(COMMAND)

    assert discord.command(content, keys()) == Command(
        text="ping",
        user="115590097100865541",
        workspace="561884984214814744",
        channel="938391701561679903",
        user_name="Faster Speeding",
        delivery="938421734825140264",
        reply={
            "kind": "discord_followup",
            "application": "658822586720976907",
            "token": content["token"],
        },
    )


def test_a_command_in_a_talk_with_the_bot_is_told():
    content = as_json(COMMAND)
    user = content.pop("member")["user"]
    del content["guild_id"]

    told = discord.command({**content, "user": user}, keys())

    assert (told.user, told.workspace) == ("115590097100865541", None)


@pytest.mark.parametrize(
    "changed",
    [
        {"token": "../../users/@me"},
        {"token": ""},
        {"token": "x" * 501},
        {"token": None},
        {"application_id": "1/../2"},
        {"application_id": 658822586720976907},
    ],
)
def test_what_would_be_another_url_is_not_replied_to(changed):
    told = discord.command(as_json(COMMAND, **changed), keys())

    assert isinstance(told, Command)
    assert told.reply is None


def test_a_button_is_told():
    content = as_json(COMMAND, type=3, data={"custom_id": "stop 42 force", "component_type": 2})

    told = discord.command(content, keys())

    assert (told.text, told.is_button) == ("stop 42 force", True)


def test_a_command_that_is_being_typed_is_offered_nothing():
    shake = discord.command(as_json(COMMAND, type=4), keys())

    assert isinstance(shake, Handshake)
    assert shake.answer == {"type": 8, "data": {"choices": []}}


def test_a_dialog_says_nothing():
    assert isinstance(discord.command(as_json(COMMAND, type=5), keys()), Silence)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"type": "2"},
        {"type": True},
        {"type": 2},
        {"type": 2, "data": {"name": "run"}},
        as_json(COMMAND, type=3),
        as_json(COMMAND, member=None),
    ],
)
def test_what_is_no_interaction_is_unreadable(content):
    with pytest.raises(Unreadable):
        discord.command(content, keys())


def test_an_answer_mentions_nobody_and_only_the_one_who_asked_sees_it():
    answered = discord.answer(Say(text="@everyone <@1> *x*"), read_file(COMMAND), keys())

    assert answered["type"] == 4
    assert answered["data"]["allowed_mentions"] == {"parse": []}
    assert answered["data"]["flags"] & 64
    assert "@everyone" not in answered["data"]["content"]
    assert r"\*x\*" in answered["data"]["content"]


def test_a_public_answer_is_seen_by_all():
    answered = discord.answer(Say(text="x", is_private=False), read_file(COMMAND), keys())

    assert not answered["data"]["flags"] & 64


def test_an_answer_has_room():
    assert len(discord.answer(Say(text="_" * 4000), {}, keys())["data"]["content"]) == 2000


def test_a_button_brings_back_its_words():
    buttons = (
        Button(label="Stop", words="stop 42", is_dangerous=True),
        Button(label="Stop again", words="stop 42"),
        Button(label="Long", words="x" * 101),
        Button(label="Log", words="tail 42"),
    )
    answered = discord.answer(Say(text="x", buttons=buttons), read_file(COMMAND), keys())
    (row,) = answered["data"]["components"]

    press = as_json(COMMAND, type=3, data=row["components"][0])
    request = signed(json.dumps(press).encode())
    discord.verify(request, keys(PUBLIC), NOW)

    assert discord.command(discord.read(request), keys()).text == "stop 42"
    assert [each["custom_id"] for each in row["components"]] == ["stop 42", "tail 42"]
