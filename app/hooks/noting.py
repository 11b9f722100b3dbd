"""What is noted of a delivery: its number, what has happened, and what it takes to do it again."""

import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any, Final

from app.hooks.body import Content
from app.hooks.event import Event
from app.hooks.triggering import Triggering
from app.hooks.values import Constant
from runner.store.deliveries import DIGEST, Kept

MOST_KEPT: Final = 256 * 1024  # bytes of compressed content; of a larger one nothing is kept
LONGEST_KEY: Final = 200  # characters
LONGEST_REF: Final = 255  # characters; what is longer is no ref. Postgres indexes 2,704 bytes
LONGEST_FACT: Final = 1000  # characters


def key_of(event: Event, digest: str) -> str:
    """What the same delivery has again: the sender's own number, or what its body says."""
    return number_of(event) or f"{DIGEST}{digest}"


def number_of(event: Event) -> str:
    """The sender's number, in a form that can be kept; empty when there is none."""
    number = event.delivery
    if len(number) <= LONGEST_KEY and number.isprintable():
        return number
    return f"long:{hashlib.sha256(number.encode()).hexdigest()}"


def facts(event: Event) -> dict[str, Any]:
    """What the list of deliveries shows of the event; no paths, and of long texts the beginning."""
    told = {**event.facts(), "delivery": number_of(event)}
    return {
        name: _cut(value) for name, value in told.items() if value is not None and name != "paths"
    }


def _cut(value: Any) -> Any:
    if isinstance(value, tuple):
        return [*map(_cut, value)]
    return value[:LONGEST_FACT] if isinstance(value, str) else value


def takes_secret(hook: Triggering, spec: Mapping[str, Any]) -> bool:
    """Whether a variable that the template keeps secret comes out of what is sent."""
    accepts = spec.get("accepts", {})
    return any(
        accepts.get(name, {}).get("secret") and not isinstance(source, Constant)
        for name, source in hook.vars.items()
    )


def pack(content: Content) -> bytes | None:
    """Compress it, to be done again; None when that is too large to keep."""
    packed = zlib.compress(json.dumps(content, ensure_ascii=False).encode(), level=1)
    return packed if len(packed) <= MOST_KEPT else None


def unpack(kept: Kept) -> Content | None:
    """The content that was packed; None when it was not kept."""
    if kept.content is None:
        return None
    content: Content = json.loads(zlib.decompress(kept.content))
    return content
