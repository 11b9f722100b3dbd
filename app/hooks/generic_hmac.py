"""Anybody who signs with HMAC: a header, a prefix, a digest and its encoding, as the hook says."""

import base64
import hmac
from collections.abc import Mapping
from typing import Final

from app.hooks import content as look
from app.hooks.body import Content, read_json
from app.hooks.event import Event
from app.hooks.incoming import JSON, Denied, Incoming, Keys

MEDIA_TYPES: Final = (JSON,)
LIMIT: Final = 2**20
HEADERS: Final = ()


def verify(incoming: Incoming, keys: Keys, now: float) -> None:
    """Compare with the digest that the hook's header holds, behind its prefix."""
    prefix = str(keys.options["prefix"])
    given = incoming.header(str(keys.options["header"]))
    if not given.startswith(prefix) or given == prefix:
        raise Denied("the header with the signature is missing or has another form")
    said = given.removeprefix(prefix).encode("utf-8", "replace")
    algorithm, encoding = str(keys.options["algorithm"]), keys.options["encoding"]
    found = False
    for secret in filter(None, keys.secrets):  # with an empty one everybody could sign
        digest = hmac.digest(secret.encode(), incoming.body, algorithm)
        written = base64.b64encode(digest) if encoding == "base64" else digest.hex().encode()
        found |= hmac.compare_digest(said, written)
    if not found:
        raise Denied("the signature is wrong")


def read(incoming: Incoming) -> Content:
    """Read JSON."""
    return read_json(incoming.body)


def events(headers: Mapping[str, str], content: Content) -> list[Event]:
    """Tell what the content itself calls the event, in its field `type` or `event`.

    Its `id` is the delivery's only where CloudEvents says so: to others it is the id of what the
    event is about, and the second event about it would count as the first come again.
    """
    is_cloud_event = look.text(content, "/specversion") is not None
    return [
        Event(
            event=look.text(content, "/type", "/event") or "message",
            delivery=look.text(content, "/id") or "" if is_cloud_event else "",
        )
    ]
