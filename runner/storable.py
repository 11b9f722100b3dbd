"""What JSON can say and neither Postgres keeps nor everybody reads again. Pure."""

import math
from collections.abc import Iterable

from pydantic import JsonValue

BIGGEST = 2**63 - 1  # of Postgres' bigint
DEEPEST = 100  # lists and objects in each other; pydantic shows no more than some 200


def unstorable(value: JsonValue, place: str = "", depth: int = 0) -> list[tuple[str, str]]:
    """Find what cannot be kept in *value*, as place and message; *depth* is that of *place*."""
    items: Iterable[tuple[int | str, JsonValue]]
    match value:
        case str() if fault := _text_fault(value):
            return [(place, f"holds {fault}")]
        case int() if not -BIGGEST - 1 <= value <= BIGGEST:
            return [(place, "is beyond 64 bits")]
        case float() if not math.isfinite(value):
            return [(place, "is beyond a double")]
        case dict() | list() if depth >= DEEPEST:
            return [(place, f"is nested more than {DEEPEST} deep")]
        case dict() if fault := next(filter(None, map(_text_fault, value)), None):
            return [(place, f"holds a name with {fault}")]
        case dict():
            items = value.items()
        case list():
            items = enumerate(value)
        case _:
            return []
    return [
        fault
        for name, item in items
        for fault in unstorable(item, f"{place}.{name}" if place else str(name), depth + 1)
    ]


def _text_fault(text: str) -> str | None:
    if "\0" in text:
        return "a NUL character"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "half of a surrogate pair"
    return None
