"""Microsoft Teams: HMAC with the decoded token, and what people write to an outgoing webhook."""

import base64
import hashlib
import hmac

import pytest

from app.hooks import teams
from app.hooks.chat_sender import Command, Say, Silence
from app.hooks.incoming import Denied, Unreadable
from tests.hooks.chat.chatting import NOW, as_json, incoming, keys, payload, read_file

MESSAGE = "teams/outgoing_webhook.json"
TOKEN = "vqF0En+Z0ucuRTM/01o2GuhMH3hKKk/N2bOmlM31zaA="  # of Microsoft's documentation
KEY = base64.b64decode(TOKEN)


def signed(body, key=KEY):
    digest = base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()
    return incoming(body, {"Authorization": f"HMAC {digest}"})


def test_what_is_signed_with_the_decoded_token_is_believed():
    teams.verify(signed(payload(MESSAGE)), keys("bm90IHRoaXM=", TOKEN), NOW)


def test_the_token_is_no_key_before_it_is_decoded():
    with pytest.raises(Denied):
        teams.verify(signed(payload(MESSAGE), TOKEN.encode()), keys(TOKEN), NOW)


@pytest.mark.parametrize("token", ["", "not base64!", "é", "vqF0En", "===="])
def test_what_is_no_token_believes_nothing(token):
    with pytest.raises(Denied):
        teams.verify(signed(b"{}", b""), keys(token), NOW)


@pytest.mark.parametrize(
    "change",
    [
        lambda right: "",
        lambda right: "HMAC ",
        lambda right: right.replace("HMAC", "Bearer"),
        lambda right: right.replace("HMAC", "hmac"),
        lambda right: right.removeprefix("HMAC "),
        lambda right: right[:-1],
        lambda right: right + "é",
        lambda right: f"{right}, {right}",
    ],
)
def test_the_header_has_one_form(change):
    request = signed(payload(MESSAGE))

    with pytest.raises(Denied):
        teams.verify(
            incoming(request.body, {"Authorization": change(request.header("Authorization"))}),
            keys(TOKEN),
            NOW,
        )


def test_a_message_is_told():
    assert teams.command(read_file(MESSAGE), keys()) == Command(
        text="stop 42",
        user="11111111-1111-1111-1111-111111111111",
        workspace="19:team@thread.tacv2",
        channel="19:channel@thread.tacv2",
        user_name="Alice",
        delivery="19:channel@thread.tacv2;messageid=1485983194839.1485983408511",
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("<at>runbot</at>&nbsp;stop 42\n", "stop 42"),
        ('<at id="0">run bot</at> run x\r\nnote=a', "run x note=a"),
        ("<at>runbot</at>", ""),
        ("<at>runbot</at> run x note=&lt;a&gt;&amp;b", "run x note=<a>&b"),
        ("<at>runbot</at> run x url=http://a/?a=1&copy=2", "run x url=http://a/?a=1&copy=2"),
        ("stop 42", "stop 42"),
    ],
)
def test_what_teams_has_made_of_words_is_undone(text, meant):
    assert teams.command(as_json(MESSAGE, text=text), keys()).text == meant


def test_a_channel_is_known_without_its_data():
    told = teams.command(as_json(MESSAGE, channelData=None), keys())

    assert (told.channel, told.workspace) == ("19:channel@thread.tacv2", None)


def test_a_reaction_says_nothing():
    assert isinstance(teams.command(as_json(MESSAGE, type="messageReaction"), keys()), Silence)


@pytest.mark.parametrize("changed", [{"from": None}, {"from": {}}, {"text": "x" * 4001}])
def test_what_is_no_message_is_unreadable(changed):
    with pytest.raises(Unreadable):
        teams.command(as_json(MESSAGE, **changed), keys())


def test_an_empty_body_is_unreadable():
    with pytest.raises(Unreadable):
        teams.read(signed(b""))


def test_an_answer_is_plain():
    assert teams.answer(Say(text="*x*"), read_file(MESSAGE), keys()) == {
        "type": "message",
        "textFormat": "plain",
        "text": "*x*",
    }
