"""Where this process keeps a path in memory, and how to put another in its place."""

import gc
import os
import types
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from runner.errors import RunnerError

#: Puts the new path where the old one was.
Mend = Callable[[str], None]
#: What is rebuilt where it is held: neither can be changed.
FIXED = (tuple, frozenset)


class Unfit(RunnerError):
    """A process that may not be copied: its copies would not be like new ones."""

    def __init__(self, why: str) -> None:
        """Say why."""
        super().__init__(why, "unfit")


def mends(path: str) -> list[Mend]:
    """Find each place that holds *path* or something below it. Raise Unfit where one cannot change.

    Frames are passed over: the caller's own variables have it, and go with them.
    """
    return [mend for holder in _holders() for mend in _mends(holder, path)]


def _holders() -> Iterator[Any]:
    """Name all that could hold a string, also what the garbage collector need not know of."""
    for holder in gc.get_objects():
        if isinstance(holder, types.FrameType) or _is_ours(holder):
            continue
        yield holder
        stack = gc.get_referents(holder)
        while stack:
            each = stack.pop()
            if isinstance(each, dict | tuple | frozenset | set) and not gc.is_tracked(each):
                yield each
                stack += gc.get_referents(each)


def _is_ours(holder: Any) -> bool:
    """Whether it is one of the generators here: Python 3.13 tells what their frames hold."""
    return isinstance(holder, types.GeneratorType) and holder.gi_code.co_filename == __file__


def _mends(holder: Any, path: str) -> Iterator[Mend]:
    if isinstance(holder, FIXED) or holder is os.environ.__dict__.get("_data"):
        return  # rebuilt by its own holders; set anew for each copy
    # The keys of most dicts are no referents.
    is_dict = isinstance(holder, dict)
    held = [*dict.keys(holder), *dict.values(holder)] if is_dict else gc.get_referents(holder)
    if not any(_mentions(each, path) for each in held):
        return
    match holder:
        case dict():
            yield from _of_dict(holder, path)
        case list():
            for index, value in enumerate(holder):
                if _mentions(value, path):
                    yield _mend(value, path, partial(holder.__setitem__, index))
        case set():
            for value in [value for value in holder if _mentions(value, path)]:
                yield _mend(value, path, partial(_exchange, holder, value))
        case types.CellType():
            value = holder.cell_contents
            yield _mend(value, path, partial(setattr, holder, "cell_contents"))
        case _:
            yield from _of_object(holder, path)


def _of_dict(holder: dict[Any, Any], path: str) -> Iterator[Mend]:
    for key, value in list(holder.items()):
        if _mentions(value, path):
            yield _mend(value, path, partial(holder.__setitem__, key))
    for key in [key for key in holder if _mentions(key, path)]:
        yield _mend(key, path, partial(_rename, holder, key))


def _of_object(holder: Any, path: str) -> Iterator[Mend]:
    names = list(getattr(holder, "__dict__", ()))
    for kind in type(holder).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else slots
    held = [(name, getattr(holder, name, None)) for name in names]
    held = [(name, value) for name, value in held if _mentions(value, path)]
    if not held:
        raise Unfit(f"a {type(holder).__qualname__} holds a path")
    for name, value in held:
        yield _mend(value, path, partial(_set, holder, name))


def _set(holder: Any, name: str, value: Any) -> None:
    if isinstance(holder, type):
        setattr(holder, name, value)
    else:
        object.__setattr__(holder, name, value)  # it may be a frozen dataclass


def _rename(holder: dict[Any, Any], old: Any, new: Any) -> None:
    holder[new] = holder.pop(old)


def _exchange(holder: set[Any], old: Any, new: Any) -> None:
    holder.discard(old)
    holder.add(new)


def _mentions(value: Any, path: str) -> bool:
    if isinstance(value, str):
        return path in value
    if isinstance(value, bytes):
        return os.fsencode(path) in value
    return isinstance(value, FIXED) and any(_mentions(each, path) for each in value)


def _mend(value: Any, path: str, put: Callable[[Any], None]) -> Mend:
    """Make what puts *value* with another path in it where *put* puts it."""
    change = _change(value, path)
    return lambda new: put(change(new))


def _change(value: Any, path: str) -> Callable[[str], Any]:
    """Make what writes *value* with another path in it. Raise Unfit for what cannot be written."""
    if not _mentions(value, path):
        return lambda new: value
    kind = type(value)
    if kind is str:
        return lambda new: value.replace(path, new)
    if kind is bytes:
        return lambda new: value.replace(os.fsencode(path), os.fsencode(new))
    if kind in FIXED:
        parts = [_change(each, path) for each in value]
        return lambda new: kind(part(new) for part in parts)
    if isinstance(value, str) and hasattr(value, "_ansible_tags_mapping"):
        from ansible.module_utils._internal._datatag import AnsibleTagHelper

        return lambda new: AnsibleTagHelper.tag_copy(value, str(value).replace(path, new))
    raise Unfit(f"a {kind.__qualname__} is a path")
