"""Whatever comes in, a chat's functions end as they say: no sender's input is an error of ours."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.hooks.chat_sender import Button, Command, Say, Silence
from app.hooks.chats import CHAT_SENDERS
from app.hooks.incoming import FORM, JSON, Denied, Incoming, Unreadable
from app.hooks.sender import Handshake
from tests.hooks.chat.chatting import NOW, PAYLOADS, SECRET, keys, read_file, sent_file

FILES = sorted(
    str(path.relative_to(PAYLOADS)) for path in PAYLOADS.glob("*/*") if path.suffix != ".md"
)
CONTENTS = [(file.partition("/")[0], read_file(file)) for file in FILES]
KEYS = keys(
    SECRET,
    "ab" * 32,
    "c2VjcmV0",
    fetched=b'{"k1": "no certificate"}',
    audience="1234567890",
    server="https://mm.example.com",
    button_url="https://curtain.example/hooks/chat",
)
SAY = Say(text="*x* @all <@U1>", buttons=(Button(label="Stop", words="stop 42"),))

texts = st.text(max_size=20) | st.sampled_from(
    ["\ud800", "\0", "x" * 5000, "&lt;<@U1|x>", "event_callback", "block_actions", "/x", "message"]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=10,
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "authorization": texts
        | st.sampled_from(
            ["HMAC ", "HMAC YQ==", "Bearer ", "Bearer e30.e30.e30", "Token ", "Token x"]
        ),
        "content-type": st.sampled_from([JSON, FORM, "text/plain"]),
        "x-slack-signature": texts | st.just("v0=" + "0" * 64),
        "x-slack-request-timestamp": texts | st.just("1775000000"),
        "x-signature-ed25519": texts | st.sampled_from(["0" * 128, "ab" * 64]),
        "x-signature-timestamp": texts | st.just("1775000000"),
        "x-telegram-bot-api-secret-token": texts,
    },
)


@st.composite
def bodies(draw):
    """What a chat has sent, with other bytes somewhere in it; or any bytes."""
    if draw(st.booleans()):
        return draw(st.binary(max_size=100))
    real = sent_file(draw(st.sampled_from(FILES))).body
    start, length = draw(st.integers(0, len(real))), draw(st.integers(0, 20))
    return real[:start] + draw(st.binary(max_size=10)) + real[start + length :]


def places(content, path=()):
    """Every place in *content*, from the top down."""
    yield path
    inner = content.items() if isinstance(content, dict) else enumerate(content)
    for name, value in inner:
        if isinstance(value, dict | list):
            yield from places(value, (*path, name))
        else:
            yield (*path, name)


@st.composite
def contents(draw):
    """A real content in which up to three places hold something else, or nothing."""
    sender, real = draw(st.sampled_from(CONTENTS))
    content = json.loads(json.dumps(real))
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(list(places(content))))
        if not path:
            continue
        here = content
        for name in path[:-1]:
            here = here[name]
        if draw(st.booleans()):
            here[path[-1]] = draw(values)
        elif isinstance(here, dict):
            del here[path[-1]]
    return draw(st.sampled_from([sender, *CHAT_SENDERS])), content


def understand(name, content):
    sender = CHAT_SENDERS[name]
    try:
        told = sender.command(content, KEYS)
    except Unreadable:
        return
    assert isinstance(told, Command | Handshake | Silence)
    if isinstance(told, Command):
        assert len(told.text) <= 8000  # an em dash becomes two
        for each in (told.user, told.workspace, told.channel, told.user_name, told.delivery):
            assert each is None or (len(each) <= 100 and each.isprintable())
        json.dumps([told.reply, sender.answer(SAY, content, KEYS)], allow_nan=False)


@given(contents())
@settings(max_examples=1000, deadline=None)
def test_a_changed_message_is_understood_or_unreadable(changed):
    understand(*changed)


@pytest.mark.parametrize("name", CHAT_SENDERS)
@given(content=st.dictionaries(texts, values, max_size=5))
@settings(max_examples=150, deadline=None)
def test_any_object_is_understood_or_unreadable(name, content):
    understand(name, content)


@pytest.mark.parametrize("name", CHAT_SENDERS)
@given(body=bodies(), given_headers=headers)
@settings(max_examples=150, deadline=None)
def test_a_request_without_a_proof_is_denied(name, body, given_headers):
    with pytest.raises(Denied):
        CHAT_SENDERS[name].verify(Incoming(headers=given_headers, body=body), KEYS, NOW)


@pytest.mark.parametrize("name", CHAT_SENDERS)
@given(body=bodies(), media_type=st.sampled_from([JSON, FORM, ""]))
@settings(max_examples=150, deadline=None)
def test_any_body_is_read_or_unreadable(name, body, media_type):
    request = Incoming(headers={"content-type": media_type}, body=body)
    try:
        content = CHAT_SENDERS[name].read(request)
    except Unreadable:
        return
    understand(name, content)


@pytest.mark.parametrize("file", FILES)
def test_every_message_that_a_chat_has_sent_is_understood(file):
    name = file.partition("/")[0]

    told = CHAT_SENDERS[name].command(read_file(file), KEYS)

    assert isinstance(told, Command | Handshake) or file == "mattermost/action.json"


@pytest.mark.parametrize("name", CHAT_SENDERS)
def test_a_chat_has_all_that_a_chat_must_have(name):
    sender = CHAT_SENDERS[name]

    assert sender.LIMIT == 2**20
    assert set(sender.MEDIA_TYPES) <= {JSON, FORM}
