"""Standard Webhooks: HMAC-SHA256 of id, time and body in webhook-signature.

The library makes the signature. It does not compare: its `verify` asks the machine's own clock,
takes 1.5 and nan for times, and raises whatever it stumbles over.
"""

import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from app.hooks import content as look
from app.hooks.body import Content, read_json
from app.hooks.event import Event
from app.hooks.incoming import JSON, Denied, Incoming, Keys

MEDIA_TYPES: Final = (JSON,)
LIMIT: Final = 2**20
HEADERS: Final = ("webhook-id",)
TOLERANCE: Final = 300  # seconds that clocks may differ, either way; as in the reference libraries
#: A list, with spaces between; two such headers, which WSGI joins by a comma, are none.
SIGNATURES: Final = re.compile(r"[a-z0-9]+,[A-Za-z0-9+/=]+( [a-z0-9]+,[A-Za-z0-9+/=]+)*")
SECONDS: Final = re.compile("[1-9][0-9]{0,11}")


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Take any `v1` signature of those that it lists."""
    require_signature(incoming, keys.secrets, now)


def read(incoming: Incoming) -> Content:
    """Read JSON."""
    return read_json(incoming.body)


def events(headers: Mapping[str, str], content: Content) -> list[Event]:
    """Tell what the content itself calls the event, in its field `type`."""
    return [
        Event(
            event=look.text(content, "/type") or "message",
            delivery=headers.get("webhook-id", ""),
        )
    ]


def require_signature(incoming: Incoming, secrets: Iterable[str], now: float) -> None:
    """Raise Denied unless one of *secrets* has signed it, not long ago."""
    number, time = incoming.header("webhook-id"), incoming.header("webhook-timestamp")
    if not number or not SECONDS.fullmatch(time):
        raise Denied("webhook-id or webhook-timestamp is missing or has another form")
    if abs(now - int(time)) > TOLERANCE:
        raise Denied("webhook-timestamp is too far from now")
    signatures = incoming.header("webhook-signature")
    if not SIGNATURES.fullmatch(signatures):
        raise Denied("webhook-signature is missing or has another form")
    listed = [each.partition(",") for each in signatures.split(" ")]
    given = [text.encode() for version, _, text in listed if version == "v1"]
    expected = [_sign(secret, number, int(time), incoming.body) for secret in secrets]
    if not any([hmac.compare_digest(each, ours) for each in given for ours in expected if ours]):
        raise Denied("webhook-signature is wrong")


def _sign(secret: str, number: str, time: int, body: bytes) -> bytes:
    """Sign as the sender would have; nothing where the secret or the message is none."""
    try:
        signed = Webhook(secret).sign(number, datetime.fromtimestamp(time, UTC), body.decode())
    except (ValueError, EmptyWebhookSecretError):  # of base64, UTF-8, lone surrogates
        return b""
    return signed.removeprefix("v1,").encode()
