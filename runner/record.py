"""What a keeper has written down of a run whose runner is dead: the truth that outlived it."""

import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from runner.judge import End
from runner.paper import open_plain
from runner.told import Told

log = logging.getLogger(__name__)

LIMIT: Final = 16 * 1024 * 1024  # bytes at a record's end that are read; room for 50,000 left jobs
LONGEST_SPAN: Final = 1e9  # seconds; 30 years

Shape = Callable[[Any], bool]


def _is(*types: type) -> Shape:
    return lambda value: isinstance(value, types)


def _are_processes(*names: str) -> Shape:
    """Tell of a list whether each has a command and these numbers."""

    def are(value: Any) -> bool:
        return isinstance(value, list) and all(
            isinstance(each, dict)
            and isinstance(each.get("command"), str)
            and all(isinstance(each.get(name), int) for name in names)
            for each in value
        )

    return are


def _are_versions(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(version, str | None) for version in value.values()
    )


def _is_span(value: Any) -> bool:
    # Python's JSON knows NaN and infinity, Postgres' does not.
    return isinstance(value, int | float) and abs(value) < LONGEST_SPAN


def _is_code(value: Any) -> bool:
    return isinstance(value, int) and -255 <= value <= 255  # a signal's number or an exit code


#: What a keeper tells, by event, as far as it is used. A playbook can write into a record too, and
#: one line that is none must not keep a runner or a watchdog from what else it has to do.
EVENTS: Final[Mapping[str, Mapping[str, Shape]]] = {
    "unled": {},
    "started": {"pid": _is(int), "created": _is(int), "keeper": _is(int)},
    "entered": {"outside": _is(str, type(None))},
    "prepared": {"playbook_sha": _is(str), "inventory_sha": _is(str, type(None))},
    "installed": {
        "source": _is(str),
        "roles": _are_versions,
        "collections": _are_versions,
        "stale": _is(str, type(None)),
        "seconds": _is_span,
    },
    "playing": {},
    "refused": {"code": _is(str), "message": _is(str)},
    "signal": {
        "signal": _is(str),
        "to": _is(int),
        "why": _is(str, type(None)),
        "after": _is_span,
    },
    "exit": {
        "code": _is_code,
        "signalled": _is(list),
        "never_started": _is(bool),
        "orphaned": _is(bool, type(None)),  # keepers of before do not tell
    },
    "survivors": {"processes": _are_processes("pid")},
    "left": {"processes": _are_processes("pid", "created")},
    "gone": {"left": _is(int, type(None))},
}


def read_lines(file: Path) -> list[dict[str, Any]]:
    """The lines of a status file; none when it cannot be read, a torn last one is left out."""
    try:
        with open_plain(file) as record:
            record.seek(max(0, os.fstat(record.fileno()).st_size - LIMIT))
            raw = record.read(LIMIT)
    except FileNotFoundError:
        return []
    except OSError as error:
        log.warning("the record of a keeper cannot be read: %s", error)
        return []
    return list(parse_lines(raw.split(b"\n")[:-1]))


def parse_lines(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    """Read status lines; one that is torn, by a full pipe or disk, or no keeper's is left out."""
    for line in lines:
        try:
            told = json.loads(line or b"null")
        except (ValueError, RecursionError):  # the latter from brackets in brackets
            told = None
        if _is_told(told):
            yield told
        elif line:
            log.warning("a torn status line: %r", line[:200])


def _is_told(told: Any) -> bool:
    shapes = EVENTS.get(str(told.get("event"))) if isinstance(told, dict) else None
    return shapes is not None and all(fits(told.get(name)) for name, fits in shapes.items())


def sum_up(lines: list[dict[str, Any]]) -> Told:
    """All that was told, as one."""
    told = Told()
    for line in lines:
        told.hear(line)
    return told


def recall(lines: list[dict[str, Any]]) -> End | None:
    """What is known of the end. None when the keeper did not live to see the family gone.

    What it left is named by program only: arguments may hold secrets that are not known here.
    """
    told = sum_up(lines)
    if not told.is_gone:
        return None
    end = told.end()
    left = [{**each, "command": each["command"].partition(" ")[0]} for each in end.left]
    return replace(end, left=tuple(left))
