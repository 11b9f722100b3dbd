"""Bodies as senders write them: JSON and forms, read strictly. What is odd is refused, with a why.

The standard library's reader with its doors shut: pydantic_core's keeps the last of two equal
names, where other readers keep the first, and what was signed must mean one thing.
"""

import json
import math
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl

from pydantic import JsonValue

from app.hooks.incoming import FORM, Denied, Incoming, Unreadable

#: A message's whole content: names and values, at the top an object always.
Content = dict[str, JsonValue]

MOST_FIELDS: Final = 200  # of a form
LARGEST_FORM: Final = 5 * 2**20  # bytes; one of 8 MB of escapes took 658 MB


def read_json(raw: bytes) -> Content:
    """Read an object. Raise Unreadable: no UTF-8, no JSON, equal names, NaN, too deep, a NUL."""
    if not raw:
        raise Unreadable("the body is empty")
    try:
        content = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_object,
            parse_constant=_no_constant,
            parse_float=_float,
        )
    except UnicodeDecodeError:
        raise Unreadable("the body is not UTF-8") from None
    except RecursionError:
        raise Unreadable("the body is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"the body is no JSON: {str(error)[:200]}") from None
    if not isinstance(content, dict):
        raise Unreadable("the body must be a JSON object")
    return content


def read_form(raw: bytes) -> dict[str, str]:
    """Read a form whose fields come once each. Raise Unreadable."""
    if len(raw) > LARGEST_FORM:
        raise Unreadable(f"a form has up to {LARGEST_FORM} bytes: have JSON sent")
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"),
            keep_blank_values=True,
            strict_parsing=bool(raw),
            encoding="utf-8",
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError as error:
        raise Unreadable(f"the body is no form: {str(error)[:200]}") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Unreadable("a field of the form was given more than once")
    if any(_is_odd(text) for pair in pairs for text in pair):
        raise Unreadable("a field of the form holds a NUL character")
    return fields


def read_json_or_payload(incoming: Incoming) -> Content:
    """Read JSON, or the JSON that a form has in its field `payload`. Raise Unreadable."""
    if incoming.media_type != FORM:
        return read_json(incoming.body)
    fields = read_form(incoming.body)
    if "payload" not in fields:
        raise Unreadable("the form has no field `payload`")
    return read_json(fields["payload"].encode())


def read_json_or_form(incoming: Incoming) -> Content:
    """Read JSON, or a form's fields as if they were that. Raise Unreadable."""
    if incoming.media_type != FORM:
        return read_json(incoming.body)
    return {**read_form(incoming.body)}


def read_unproven(read: Callable[[Incoming], Content], incoming: Incoming) -> Content:
    """Read a content that holds its own proof. Raise Denied, where a proven one is Unreadable."""
    try:
        return read(incoming)
    except Unreadable as error:
        raise Denied(f"the body, which should hold a token, cannot be read: {error}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name was given more than once")
    for name, value in pairs:
        if _is_odd(name) or _holds_odd(value):
            raise ValueError("it holds a NUL character or half of a surrogate pair")
    return made


def _holds_odd(value: Any) -> bool:
    """Look at a text, and into lists; objects were looked at when they were made."""
    if isinstance(value, list):
        return any(map(_holds_odd, value))
    return isinstance(value, str) and _is_odd(value)


def _is_odd(text: str) -> bool:
    """Whether Postgres could not keep it, or nobody could encode it."""
    if text.isascii():
        return "\0" in text
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("a number is too large")
    return number
