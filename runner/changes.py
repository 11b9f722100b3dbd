"""What of a template has changed: its fields, then and now. Pure."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

LONGEST: Final = 1000  # characters of a text that are told; an inventory may have a million


class Change(NamedTuple):
    """A field that is not what it was; None stands for one that is not there."""

    path: str
    then: Any
    now: Any


def changes(then: Any, now: Any, path: str = "") -> Iterator[Change]:
    """List what differs, field by field; lists are compared whole."""
    if isinstance(then, dict) and isinstance(now, dict):
        for name in sorted(then.keys() | now.keys()):
            below = f"{path}.{name}" if path else name
            yield from changes(then.get(name), now.get(name), below)
    elif then != now or type(then) is not type(now):
        yield Change(path, shortened(then), shortened(now))


def shortened(value: Any) -> Any:
    """Cut what is long, at any depth."""
    match value:
        case str() if len(value) > LONGEST:
            return f"{value[:LONGEST]}… ({len(value)} characters)"
        case dict():
            return {name: shortened(item) for name, item in value.items()}
        case list():
            return [shortened(item) for item in value]
    return value
