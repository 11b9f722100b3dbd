"""What somebody has said in a chat, within bounds: the text, the ids, the name. Pure."""

import hashlib
import re
from typing import Final

from pydantic import JsonValue

from app.hooks import content as look
from app.hooks.incoming import Unreadable

MOST_TEXT: Final = 4_000  # characters of a command; Slack itself sends up to 8,000
MOST_ID: Final = 100  # characters of an id or a name
#: What phones and macOS make of what people type, and what that was.
TYPOGRAPHY: Final = str.maketrans(
    {
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{DOUBLE LOW-9 QUOTATION MARK}": '"',
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{EM DASH}": "--",
        "\N{NO-BREAK SPACE}": " ",
    }
)
ENTITY: Final = re.compile("&(amp|lt|gt|quot|nbsp|#39);")
#: Only these, each with its semicolon: html.unescape would make © of ?a=1&copy=2.
ENTITIES: Final = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "nbsp": " ", "#39": "'"}


def typed(text: str) -> str:
    """Undo what keyboards have made of *text*. Raise Unreadable when there is too much of it."""
    if len(text) > MOST_TEXT:
        raise Unreadable(f"a command has at most {MOST_TEXT} characters")
    return text.translate(TYPOGRAPHY).strip()


def behind(word: str, text: str) -> str:
    """Take the trigger *word* from the start: `!` of `!runs`, but not `run` of `runs`."""
    rest = text.strip().removeprefix(word)
    is_part = word[-1:].isalnum() and rest[:1].isalnum()
    return text if is_part else rest


def unescaped(text: str) -> str:
    """Undo the entities of chats that write their texts as a kind of HTML."""
    return ENTITY.sub(lambda found: ENTITIES[found[1]], text)


def identity(content: JsonValue, *pointers: str) -> str | None:
    """Find the first of these places with an id, a text or a number. Raise Unreadable."""
    for pointer in pointers:
        number = look.number(content, pointer)
        if number is not None:
            return str(number)
        text = look.text(content, pointer)
        if text is None:
            continue
        if len(text) > MOST_ID or not text.isprintable():
            raise Unreadable(f"{pointer} is no id")
        return text
    return None


def who(content: JsonValue, *pointers: str) -> str:
    """Find the id of the one who has said it. Raise Unreadable."""
    user = identity(content, *pointers)
    if user is None:
        raise Unreadable("it does not tell who has said it")
    return user


def called(content: JsonValue, *pointers: str) -> str:
    """Find what people call somebody, cut to what can be shown."""
    name = look.text(content, *pointers) or ""
    return "".join(filter(str.isprintable, name[:MOST_ID]))


def delivery(*ids: str | None) -> str:
    """Join what tells one message from all others; empty unless all of it is there."""
    joined = ".".join(part or "" for part in ids)
    if not all(ids):
        return ""
    return joined if len(joined) <= MOST_ID and joined.isprintable() else _digest(joined)


def secret_delivery(*ids: str | None) -> str:
    """The same of ids that open something themselves, and are not to be kept."""
    return _digest(".".join(part or "" for part in ids)) if all(ids) else ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
