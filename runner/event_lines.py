"""One line of what our callback plugin tells, read as a stranger's: a task can write there, too."""

import math
from collections.abc import Callable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from runner.judge import storable
from runner.recap import BIGGEST, LONGEST_NAME
from runner.set_stats import read_set

TASKS: Final = 20_000  # of one attempt; more are played, and not told of
LATEST: Final = 2.0**33  # seconds since 1970: the year 2242
LONGEST: Final = 1e9  # seconds that a task may claim to have taken
WORD: Final = 200  # characters of an action
NAME: Final = 2_000  # characters, as the plugin cuts them: of a name, a path, a message
DIFF: Final = 16_000  # characters
COUNTS: Final = ("ok", "changed", "unreachable", "failed", "skipped", "rescued", "ignored")


class Status(IntEnum):
    """What came of a task on a host, as it is stored."""

    OK = 0
    CHANGED = 1
    SKIPPED = 2
    FAILED = 3
    UNREACHABLE = 4


class Play(NamedTuple):
    """A play has begun."""

    at: float
    number: int
    name: str


class Task(NamedTuple):
    """A task has begun."""

    at: float
    number: int
    #: The name of its play.
    play: str
    name: str
    action: str
    #: File and line, within the project if it is there.
    path: str


class Began(NamedTuple):
    """A host is at work on a task."""

    at: float
    host: str
    task: int


class Included(NamedTuple):
    """A host has ended a task that only brought others."""

    at: float
    host: str


class Result(NamedTuple):
    """A host has ended a task."""

    at: float
    host: str
    task: int
    status: Status
    has_changed: bool
    is_ignored: bool
    is_rescued: bool
    seconds: float | None
    #: items, attempts, message, diff: those that there are.
    detail: dict[str, Any]

    def counts(self) -> tuple[int, ...]:
        """Say what Ansible's recap counts for it, in the order of COUNTS."""
        is_ok = self.is_ignored or self.status in (Status.OK, Status.CHANGED)
        is_failed = self.status is Status.FAILED and not (self.is_ignored or self.is_rescued)
        return (
            is_ok,
            is_ok and self.has_changed,
            self.status is Status.UNREACHABLE and not self.is_ignored,
            is_failed,
            self.status is Status.SKIPPED,
            self.is_rescued,
            self.is_ignored,
        )


class Warned(NamedTuple):
    """A task has warned, on the first host that did."""

    at: float
    kind: str
    host: str
    task: int
    text: str


class Stats(NamedTuple):
    """The playbook has ended by itself; sums over all hosts."""

    at: float
    sums: dict[str, int]
    #: Lines that the disk did not take, or that a task has taken away.
    missing: int = 0
    #: What the playbook has set by set_stats for the whole run.
    set: Mapping[str, Any] = MappingProxyType({})


class Missing(NamedTuple):
    """The disk did not take so many lines."""

    lines: int


class Started(NamedTuple):
    """The plugin is there."""

    at: float


Told = Play | Task | Began | Included | Result | Warned | Stats | Missing | Started


def read(line: bytes) -> Told | None:
    """Read one line. None for what is none of the plugin's."""
    try:
        told = from_json(line)
        return READERS[told["event"]](told)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


def _text(value: object, most: int) -> str:
    if not isinstance(value, str):
        raise TypeError
    return storable(value[:most])


def _number(value: object, most: int = BIGGEST, *, least: int = 0) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError
    return value


def _task_number(told: Mapping[str, Any]) -> int:
    return _number(told["task"], TASKS, least=1)


def _at(told: Mapping[str, Any]) -> float:
    at = float(told["at"])
    if not 0 <= at <= LATEST:
        raise ValueError
    return at


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError
    return min(max(0.0, float(value)), LONGEST)


def _host(told: Mapping[str, Any]) -> str:
    """Take what the recap takes, too."""
    host = told["host"]
    if not isinstance(host, str) or not 0 < len(host) <= LONGEST_NAME or not host.isprintable():
        raise ValueError
    return host


def _read_play(told: Mapping[str, Any]) -> Play:
    return Play(_at(told), _number(told["number"]), _text(told["name"], NAME))


def _read_task(told: Mapping[str, Any]) -> Task:
    return Task(
        _at(told),
        _number(told["number"], TASKS, least=1),
        _text(told["play"], NAME),
        _text(told["name"], NAME),
        _text(told["action"], WORD),
        _text(told["path"], NAME),
    )


def _read_result(told: Mapping[str, Any]) -> Result:
    has_changed = told.get("changed") is True
    status = Status[str(told["status"]).upper()]
    if status is Status.OK and has_changed:
        status = Status.CHANGED
    detail: dict[str, Any] = {}
    for name in ("items", "attempts"):
        if name in told:
            detail[name] = _number(told[name])
    for name, most in (("message", NAME), ("diff", DIFF)):
        if told.get(name):
            detail[name] = _text(told[name], most)
    return Result(
        _at(told),
        _host(told),
        _task_number(told),
        status,
        has_changed,
        told.get("ignored") is True,
        told.get("rescued") is True and status is Status.FAILED,
        _seconds(told.get("seconds")),
        detail,
    )


def _read_warned(told: Mapping[str, Any]) -> Warned:
    text = _text(told["text"], NAME)
    return Warned(_at(told), told["event"], _host(told), _task_number(told), text)


def _read_stats(told: Mapping[str, Any]) -> Stats:
    sums = {name: _number(told[name]) for name in ("hosts", *COUNTS)}
    return Stats(_at(told), sums, _number(told.get("missing", 0)), read_set(told.get("set")))


READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], Told]]] = {
    "start": lambda told: Started(_at(told)),
    "play": _read_play,
    "task": _read_task,
    "began": lambda told: Began(_at(told), _host(told), _task_number(told)),
    "included": lambda told: Included(_at(told), _host(told)),
    "result": _read_result,
    "warning": _read_warned,
    "deprecation": _read_warned,
    "stats": _read_stats,
    "missing": lambda told: Missing(_number(told["count"])),
}
