"""Looking into what a sender sent, where nothing need be there or be what it should."""

import re
from collections.abc import Iterator
from typing import Final

from pydantic import JsonValue

#: A JSON pointer (RFC 6901) to something below the top.
POINTER: Final = re.compile(r"(/([^~/]|~[01])*)+")
MISSING: Final = object()


def find(content: JsonValue, pointer: str) -> object:
    """Follow a JSON pointer. MISSING when it leads nowhere."""
    here: object = content
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and name in here:
            here = here[name]
        elif isinstance(here, list) and re.fullmatch("0|[1-9][0-9]{0,5}", name):
            if int(name) >= len(here):
                return MISSING
            here = here[int(name)]
        else:
            return MISSING
    return here


def text(content: JsonValue, *pointers: str) -> str | None:
    """The first of these places with a text that is not empty."""
    for pointer in pointers:
        value = find(content, pointer)
        if isinstance(value, str) and value:
            return value
    return None


def number(content: JsonValue, pointer: str) -> int | None:
    """The whole number there; a larger one than Postgres keeps is none."""
    value = find(content, pointer)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if abs(value) < 2**63 else None


def flag(content: JsonValue, pointer: str) -> bool | None:
    """The yes or no there."""
    value = find(content, pointer)
    return value if isinstance(value, bool) else None


def objects(content: JsonValue, pointer: str) -> Iterator[dict[str, JsonValue]]:
    """The objects of the list there."""
    value = find(content, pointer)
    for item in value if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield item


def texts(content: JsonValue, pointer: str) -> Iterator[str]:
    """The texts of the list there."""
    value = find(content, pointer)
    for item in value if isinstance(value, list) else ():
        if isinstance(item, str):
            yield item


def where(content: JsonValue, pointer: str, name: str, value: str | None) -> dict[str, JsonValue]:
    """The first object of the list there whose *name* is *value*; an empty one if none is."""
    return next((each for each in objects(content, pointer) if each.get(name) == value), {})


def below(content: JsonValue, pointer: str) -> dict[str, JsonValue]:
    """The object there; an empty one if there is none."""
    value = find(content, pointer)
    return value if isinstance(value, dict) else {}
