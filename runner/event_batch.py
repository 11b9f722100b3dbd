"""Lines of the callback plugin, added up to what is written to Postgres in one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from runner.event_lines import (
    COUNTS,
    DIFF,
    NAME,
    WORD,
    Began,
    Included,
    Missing,
    Play,
    Result,
    Started,
    Stats,
    Task,
    Told,
    Warned,
    read,
)
from runner.masks import Mask
from runner.set_stats import masked_set

#: What is stored in its order; the rest is only counted.
Event = Play | Task | Result | Warned | Stats

MESSAGE: Final = 500  # characters of it that are kept


@dataclass
class Sum:
    """What came of one host or one task, since the batch before."""

    #: In the order of COUNTS.
    counts: list[int] = field(default_factory=lambda: [0] * len(COUNTS))
    results: int = 0
    #: Whether the host is at work; None if nothing was told of that.
    at_work: bool | None = None
    #: The host's last task.
    task: int | None = None
    seconds: float = 0.0
    #: When something was told of it last.
    at: float = 0.0

    def add(self, result: Result) -> None:
        """Count a result."""
        for place, count in enumerate(result.counts()):
            self.counts[place] += count
        self.results += 1
        self.seconds += result.seconds or 0.0
        self.at = result.at


@dataclass
class Batch:
    """What lies between two places of the file."""

    start: int
    end: int
    #: What is stored as an event, masked, in its order.
    events: list[Event] = field(default_factory=list)
    hosts: dict[str, Sum] = field(default_factory=dict)
    tasks: dict[int, Sum] = field(default_factory=dict)
    has_begun: bool = False
    has_ended: bool = False
    is_torn: bool = False
    #: Nothing comes after it.
    is_last: bool = False

    def add(self, told: Told, mask: Mask) -> None:
        """Add one line."""
        match told:
            case Started():
                self.has_begun = True
            case Missing():
                self.is_torn = True
            case Began():
                host = self._host(told)
                host.at_work, host.task = True, told.task
            case Included():
                self._host(told).at_work = False
            case Result():
                self._add_result(told, mask)
            case Play() | Task() | Warned() | Stats():
                if isinstance(told, Stats):
                    self.has_ended = True
                    self.is_torn |= told.missing > 0
                self.events.append(masked(told, mask))

    def _host(self, told: Began | Included | Result) -> Sum:
        host = self.hosts.setdefault(told.host, Sum())
        host.at = told.at
        return host

    def _add_result(self, told: Result, mask: Mask) -> None:
        host = self._host(told)
        host.add(told)
        host.at_work, host.task = False, told.task
        self.tasks.setdefault(told.task, Sum()).add(told)
        self.events.append(masked(told, mask) if told.detail else told)


def masked(told: Any, mask: Mask) -> Any:
    """Hide secrets in all that a playbook may have put into it; hosts are named as they are."""
    match told:
        case Result():
            detail = dict(told.detail)
            if "message" in detail:
                detail["message"] = mask.beginning(detail["message"], NAME)[:MESSAGE]
            if "diff" in detail:
                detail["diff"] = mask.beginning(detail["diff"], DIFF)
            return told._replace(detail=detail)
        case Play():
            return told._replace(name=mask.beginning(told.name, NAME))
        case Task():
            return told._replace(
                play=mask.beginning(told.play, NAME),
                name=mask.beginning(told.name, NAME),
                action=mask.beginning(told.action, WORD),
                path=mask.beginning(told.path, NAME),
            )
        case Stats():
            return told._replace(set=masked_set(dict(told.set), mask)) if told.set else told
        case Warned():
            return told._replace(text=mask.beginning(told.text, NAME))
    return told


def gather(lines: Iterable[bytes], start: int, end: int, mask: Mask) -> Batch:
    """Add up the *lines* that lie between two places."""
    batch = Batch(start, end)
    for line in lines:
        told = read(line) if line else None
        if told is not None:
            batch.add(told, mask)
    return batch
