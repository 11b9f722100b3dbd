"""Microsoft Teams: outgoing webhooks, signed by HMAC with the base64-decoded token.

Teams shows what answers the message, and takes nothing later.
"""

import base64
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from app.hooks import content as look
from app.hooks.body import Content, read_json
from app.hooks.chat_sender import Command, Say, Silence
from app.hooks.incoming import JSON, Denied, Incoming, Keys
from app.hooks.plain import cut
from app.hooks.said import called, delivery, identity, typed, unescaped, who
from app.hooks.sender import Handshake

MEDIA_TYPES: Final = (JSON,)
LIMIT: Final = 2**20
MOST_ANSWER: Final = 8_000  # characters; a message has room for some 28 KB
SCHEME: Final = "HMAC "
AT: Final = re.compile("<at[^<>]{0,200}>[^<>]{0,200}</at>")


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Compare with the digest that the Authorization header holds, in base64."""
    given = incoming.header("Authorization")
    if not given.startswith(SCHEME):
        raise Denied("the Authorization header is missing or of another scheme")
    said = given.removeprefix(SCHEME).encode("utf-8", "replace")
    decoded = filter(None, map(_decode, keys.secrets))
    expected = [base64.b64encode(hmac.digest(key, incoming.body, "sha256")) for key in decoded]
    if not any([hmac.compare_digest(said, each) for each in expected]):
        raise Denied("the signature is wrong")


def read(incoming: Incoming) -> Content:
    """Read the JSON."""
    return read_json(incoming.body)


def command(content: Content, keys: Keys) -> Command | Handshake | Silence:
    """Tell what was written to us in a channel."""
    if look.text(content, "/type") != "message":
        return Silence(why="it is no message")
    said = unescaped(AT.sub(" ", look.text(content, "/text") or ""))
    talk = look.text(content, "/conversation/id")
    # A channel's id, behind which a thread's first message is named.
    channel = identity(content, "/channelData/channel/id", "/channelData/teamsChannelId")
    return Command(
        text=" ".join(typed(said).split()),
        user=who(content, "/from/aadObjectId", "/from/id"),
        workspace=identity(content, "/channelData/team/id", "/channelData/teamsTeamId"),
        channel=channel or (talk or "").partition(";")[0] or None,
        user_name=called(content, "/from/name"),
        delivery=delivery(talk, look.text(content, "/id")),
    )


def answer(say: Say, content: Content, keys: Keys) -> Mapping[str, Any] | str:
    """Write a reply to the message, which all see."""
    return {"type": "message", "textFormat": "plain", "text": cut(say.text, MOST_ANSWER)}


def _decode(secret: str) -> bytes:
    """Decode the token as Teams shows it. Empty, which is no key, unless it is base64."""
    try:
        return base64.b64decode(secret, validate=True)
    except ValueError:
        return b""
