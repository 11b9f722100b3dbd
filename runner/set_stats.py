"""What a playbook has set by set_stats for its whole run: a stranger's, as all that it tells."""

from collections.abc import Callable
from typing import Any, Final

from pydantic_core import to_json

from runner.judge import storable
from runner.masks import STARS, Mask

LONGEST: Final = 64_000  # bytes as JSON
DEEPEST: Final = 30
NAME: Final = 200  # characters of a variable's name


def read_set(value: Any) -> dict[str, Any]:
    """Take what was set; nothing of what is no object, too deep or too large."""
    if not isinstance(value, dict) or _depth(value) > DEEPEST or len(to_json(value)) > LONGEST:
        return {}
    taken = _each(value, storable)
    return {name: inner for name, inner in taken.items() if len(name) <= NAME}


def masked_set(value: dict[str, Any], mask: Mask) -> dict[str, Any]:
    """Hide secrets in all of it, numbers and names, too."""
    hidden: dict[str, Any] = _each(value, mask.text)
    return hidden


def _each(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(str(name)): _each(inner, change) for name, inner in value.items()}
    if isinstance(value, list):
        return [_each(inner, change) for inner in value]
    if isinstance(value, str):
        return change(value)
    if isinstance(value, int | float) and change(str(value)) != str(value):
        return STARS.decode()
    return value


def _depth(value: Any) -> int:
    """How deep it is nested; without recursion, of which there may be too much."""
    deepest, level = 0, [value]
    while level:
        deepest += 1
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [one for each in inner for one in each if isinstance(one, dict | list)]
    return deepest
