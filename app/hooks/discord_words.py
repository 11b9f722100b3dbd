"""The words of a Discord command: what somebody would have typed, had it no form to fill in. Pure.

Either one option `text` holds all of it (/curtain text:run deploy), or commands, their groups and
options are named as the words are: /curtain run template:deploy version:1.2 reason:because.
"""

import re
from typing import Final

from pydantic import JsonValue

from app.hooks import content as look
from app.hooks.body import Content
from app.hooks.incoming import Unreadable

#: What the command is called when its name is no word of ours.
OURS: Final = "curtain"
GROUPS: Final = (1, 2)  # types of options that have options themselves
DEEPEST: Final = 3  # command, group, command
MOST_OPTIONS: Final = 25
WHOLE: Final = ("text", "command")
#: Options that are not written name=value, and where they stand; all others stand at 2.
FIRST: Final = ("template", "id", "run")
LAST: Final = ("vars", "variables", "reason")
NEEDS_QUOTES: Final = re.compile(r"[\s\"'\\]")


def words(content: Content) -> str:
    """Join a command's name and its options to one text. Raise Unreadable."""
    name = look.text(content, "/data/name")
    if name is None:
        raise Unreadable("it is called a command and has no name")
    found = [] if name == OURS else [name]
    here: JsonValue = content.get("data")
    for _ in range(DEEPEST):
        options = list(look.objects(here, "/options"))[:MOST_OPTIONS]
        inner = next((each for each in options if look.number(each, "/type") in GROUPS), None)
        if inner is None:
            break
        here = inner
        found.append(look.text(inner, "/name") or "")
    else:
        raise Unreadable("a command's options are nested too deeply")
    for option in options:
        if look.text(option, "/name") in WHOLE:
            return _value(option)
    placed = sorted(options, key=_place)  # which keeps the order of equals
    return " ".join([*found, *filter(None, map(_written, placed))])


def _place(option: dict[str, JsonValue]) -> int:
    name = look.text(option, "/name")
    if name in FIRST:
        return 0
    if isinstance(option.get("value"), bool):
        return 1
    return 3 + LAST.index(name) if name in LAST else 2


def _written(option: dict[str, JsonValue]) -> str:
    name, value = look.text(option, "/name") or "", _value(option)
    if isinstance(option.get("value"), bool):
        return name if option["value"] else ""
    if name in FIRST or name in LAST or not name:
        return value
    if NEEDS_QUOTES.search(value) or not value:
        value = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{name}={value}"


def _value(option: dict[str, JsonValue]) -> str:
    value = option.get("value")
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**53:
        return str(value)
    return ""
