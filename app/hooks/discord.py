"""Discord: interactions, signed with Ed25519. The hook's secret is the application's public key.

Discord tests the URL with wrong signatures now and then, and takes it away unless they are denied.
It signs when it has sent an interaction; within that hour it is run once, by its id.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from nacl.exceptions import CryptoError
from nacl.signing import VerifyKey

from app.hooks import content as look
from app.hooks.body import Content, read_json
from app.hooks.chat_sender import Button, Command, Say, Silence
from app.hooks.discord_words import words
from app.hooks.incoming import JSON, Denied, Incoming, Keys, Unreadable
from app.hooks.plain import cut, escaped
from app.hooks.said import called, delivery, identity, typed, who
from app.hooks.sender import Handshake

MEDIA_TYPES: Final = (JSON,)
LIMIT: Final = 2**20
MOST_ANSWER: Final = 2_000  # characters of a message
MOST_IN_ROW: Final = 5  # buttons
MOST_WORDS: Final = 100  # characters that a button brings back
TIMESTAMP: Final = re.compile("[0-9]{1,12}")
SIGNATURE: Final = re.compile("[0-9a-f]{128}")
PUBLIC_KEY: Final = re.compile("[0-9a-fA-F]{64}")
#: Both become parts of a URL.
APPLICATION: Final = re.compile("[0-9]{1,20}")
TOKEN: Final = re.compile(r"[A-Za-z0-9._-]{1,500}")

# What Discord's numbers mean: of interactions, of answers, of a message's flags, of buttons.
PING, COMMAND, COMPONENT, AUTOCOMPLETE = 1, 2, 3, 4
PONG, MESSAGE, CHOICES = 1, 4, 8
NO_PREVIEW, EPHEMERAL = 1 << 2, 1 << 6
ROW, BUTTON = 1, 2
GREY, RED = 2, 4
#: Seconds, both ways: Discord says nothing of it. For longer nobody remembers what was sent before.
MOST_AGE: Final = 3600


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Let PyNaCl compare the signature of the timestamp and the body."""
    timestamp = incoming.header("X-Signature-Timestamp")
    signature = incoming.header("X-Signature-Ed25519")
    if not TIMESTAMP.fullmatch(timestamp) or not SIGNATURE.fullmatch(signature):
        raise Denied("the signature or its timestamp is missing or has another form")
    if abs(now - int(timestamp)) > MOST_AGE:
        raise Denied("the signature is too old")
    signed = timestamp.encode() + incoming.body
    if not any([_is_signed(key, signed, bytes.fromhex(signature)) for key in keys.secrets]):
        raise Denied("the signature is wrong")


def read(incoming: Incoming) -> Content:
    """Read the JSON."""
    return read_json(incoming.body)


def command(content: Content, keys: Keys) -> Command | Handshake | Silence:
    """Tell the words of a command and its options, or those of a button."""
    match look.number(content, "/type"):
        case 1:
            return Handshake(answer={"type": PONG}, why="a ping")
        case 2:
            return _command(content, words(content))
        case 3:
            pressed = look.text(content, "/data/custom_id")
            if pressed is None:
                raise Unreadable("it is called a press of a button and names none")
            return _command(content, pressed, is_button=True)
        case 4:
            empty = {"type": CHOICES, "data": {"choices": []}}
            return Handshake(answer=empty, why="a command that is being typed")
        case None:
            raise Unreadable("it is no interaction")
        case _:
            return Silence(why="it is neither a command nor a button")


def answer(say: Say, content: Content, keys: Keys) -> Mapping[str, Any] | str:
    """Write a message that mentions nobody, whatever is in it."""
    message: dict[str, Any] = {
        "content": escaped(say.text, MOST_ANSWER),
        "flags": NO_PREVIEW | (EPHEMERAL if say.is_private else 0),
        "allowed_mentions": {"parse": []},
    }
    # Two of one message must not be the same.
    buttons = {each.words: each for each in say.buttons if len(each.words) <= MOST_WORDS}
    if buttons:
        row = [_button(button) for button in list(buttons.values())[:MOST_IN_ROW]]
        message["components"] = [{"type": ROW, "components": row}]
    return {"type": MESSAGE, "data": message}


def _is_signed(key: str, signed: bytes, signature: bytes) -> bool:
    if not PUBLIC_KEY.fullmatch(key):
        return False
    try:
        VerifyKey(bytes.fromhex(key)).verify(signed, signature)
    except (CryptoError, ValueError, TypeError):
        return False
    return True


def _command(content: Content, said: str, *, is_button: bool = False) -> Command:
    return Command(
        text=typed(said),
        user=who(content, "/member/user/id", "/user/id"),
        workspace=identity(content, "/guild_id"),
        channel=identity(content, "/channel_id"),
        user_name=called(content, "/member/user/username", "/user/username"),
        delivery=delivery(look.text(content, "/id")),
        is_button=is_button,
        reply=_followup(content),
    )


def _followup(content: Content) -> dict[str, Any] | None:
    application = look.text(content, "/application_id") or ""
    token = look.text(content, "/token") or ""
    if not APPLICATION.fullmatch(application) or not TOKEN.fullmatch(token):
        return None
    return {"kind": "discord_followup", "application": application, "token": token}


def _button(button: Button) -> dict[str, Any]:
    return {
        "type": BUTTON,
        "style": RED if button.is_dangerous else GREY,
        "label": cut(button.label, 80),
        "custom_id": button.words,
    }
