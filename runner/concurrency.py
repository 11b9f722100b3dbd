"""Which runs wait for each other, and which goes first. Pure."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from runner.strict import Strict

#: A variable in a group's name, and what stands before it.
PART: Final = re.compile(r"\{vars\.([A-Za-z_][A-Za-z0-9_]*)\}")
LONGEST: Final = 200  # characters of a group's name
#: What is neither a brace nor the place of a variable's value.
PATTERN: Final = rf"^([^{{}}\x00-\x1f\x7f]|{PART.pattern.replace('(', '(?:')})+$"
#: The queue of templates that name none, and of runners that are told none.
DEFAULT_QUEUE: Final = "default"

QueueName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
WhenBusy = Literal["queue", "coalesce", "replace", "reject"]


class Priority(StrEnum):
    """Which queued runs are taken first."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @property
    def rank(self) -> int:
        """The higher, the sooner."""
        return RANKS[self]

    @classmethod
    def of(cls, rank: int) -> "Priority":
        """The priority of that rank."""
        return next(each for each in cls if each.rank == rank)


RANKS: Final = {Priority.HIGH: 1, Priority.NORMAL: 0, Priority.LOW: -1}


class Concurrency(Strict):
    """How many runs of a group there may be at once."""

    group: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST, pattern=PATTERN)] = (
        Field(
            description="what the runs share, whatever their templates are; `{vars.region}` stands "
            "for the value of a variable"
        )
    )
    limit: int = Field(default=1, ge=1, le=1000, description="runs of the group at once")
    when_busy: WhenBusy = Field(
        default="queue",
        description="what becomes of a run when as many are there. queue: it waits for its turn; "
        "coalesce: of those that wait only the newest stays; replace: that, too, and the oldest "
        "that is running is stopped, it starts when nothing of that is left; reject: it is refused",
    )

    @property
    def names(self) -> list[str]:
        """The variables in the group's name."""
        return PART.findall(self.group)


class Unnamed(ValueError):
    """The group has no name with these variables."""

    def __init__(self, variable: str, fault: str) -> None:
        """Say what is wrong with which variable; never its value."""
        super().__init__(f"vars.{variable} {fault}")
        self.variable = variable
        self.fault = fault


def group_of(spec: Mapping[str, Any], accepted: Mapping[str, Any]) -> str | None:
    """Name the group of a run of the template *spec*; None without one. Raise Unnamed.

    *accepted* are the caller's variables with their defaults, the secret ones left out.
    """
    given = spec.get("concurrency")
    if given is None:
        return None
    known = {**spec.get("vars", {}), **accepted}
    name = PART.sub(lambda found: _text(found[1], known), given["group"])
    if len(name) > LONGEST:
        raise Unnamed(PART.findall(given["group"])[0], "makes the group's name too long")
    return name


def _text(variable: str, known: Mapping[str, Any]) -> str:
    value = known.get(variable)
    if value is None:
        raise Unnamed(variable, "is needed: it is in the name of the concurrency group")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise Unnamed(variable, "must be a text or a number: it is in a concurrency group's name")
