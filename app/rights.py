"""What callers may do, and over which templates. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.hooks import globs


class Right(StrEnum):
    """What an operation needs of its caller."""

    READ = "read"  # templates, runs, their output, and what hooks have taken
    RUN = "run"  # trigger, rerun, redeliver, notify again
    STOP = "stop"  # with the grace of the template
    KILL = "kill"  # without it
    APPROVE = "approve"  # of runs that want approval
    ADMIN = "admin"  # declare, and say who may what


#: What a right brings along.
BRINGS: Final = {Right.KILL: frozenset({Right.STOP}), Right.ADMIN: frozenset(Right)}


@dataclass(frozen=True)
class Caller:
    """Whoever makes a request."""

    #: As runs, events and the audit name who did something.
    name: str
    #: Those that were given, and what they bring along.
    rights: frozenset[Right]
    #: Globs of the templates over which they are had; none: all, and what belongs to no template.
    templates: tuple[str, ...] = ()
    #: When all that ends; None: never.
    expires_at: datetime | None = None

    @property
    def sees_everything(self) -> bool:
        """Whether no template is hidden, and nothing that belongs to none."""
        return not self.templates

    def sees(self, template: str) -> bool:
        """Whether there is such a template, as far as this caller is told."""
        return globs.matches_any(self.templates, template)


def complete(given: Iterable[Right]) -> frozenset[Right]:
    """Add what the rights that were *given* bring along."""
    rights = frozenset(given)
    return rights.union(*(BRINGS.get(right, frozenset()) for right in rights))
