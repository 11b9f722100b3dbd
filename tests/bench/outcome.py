"""What came of stops: one line of the table that compares ways to stop."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from tests.bench.figures import MILLISECOND, OURS, Figure, Spread, number
from tests.bench.sightings import Watch

#: Seconds after "it is over" at which survivors are counted. The first look is not earlier
#: because the two threads that note a death and an end are not woken in the same millisecond.
LOOKS = (0.1, 1.0, 5.0)


@dataclass
class Stop:
    """One stop, in seconds from the request."""

    #: None when somebody survived.
    gone: float | None
    #: Until it was said to be over.
    over: float
    #: Processes that were alive before.
    family: int
    #: How many of them were alive at each of LOOKS.
    survivors: list[int]
    #: More that were found at the last look, born during the stop.
    unseen: int = 0

    @classmethod
    def seen(cls, watch: Watch, began: float, over: float) -> Self:
        """Tell it from what was watched."""
        return cls(
            gone=watch.gone_at - began if watch.gone_at is not None else None,
            over=over - began,
            family=watch.count,
            survivors=[watch.alive_at(over + look) for look in LOOKS],
        )


@dataclass
class Outcome:
    """One way in one cell of the table."""

    HEAD: ClassVar = (
        *("stopped by", "tasks", "hosts", "at once", "n", "processes"),
        *("gone p50 ms", "p99", "max", "over p50 ms", "p99", "max"),
        *("left at once", "1 s", "5 s", ""),
    )

    way: str
    playbook: str
    hosts: int
    at_once: int
    stops: list[Stop] = field(default_factory=list)
    #: Why there are no stops, or fewer.
    note: str = ""

    @property
    def survivors(self) -> list[int]:
        """Processes alive at each of LOOKS, of all runs together."""
        looks = zip(*(stop.survivors for stop in self.stops), strict=True)
        *first, last = (sum(counts) for counts in looks)
        return [*first, last + sum(stop.unseen for stop in self.stops)]

    def cells(self) -> tuple[str, ...]:
        """Lay it out."""
        what = (self.way, self.playbook, str(self.hosts), str(self.at_once), str(len(self.stops)))
        if not self.stops:
            return (*what, *[""] * 10, self.note)
        gone = [stop.gone for stop in self.stops if stop.gone is not None]
        return (
            *what,
            str(sum(stop.family for stop in self.stops)),
            *_spread(gone),
            *_spread([stop.over for stop in self.stops]),
            *map(str, self.survivors),
            self.note,
        )

    def figures(self) -> Sequence[Figure]:
        """Tell what came of our own stops."""
        gone = [stop.gone / MILLISECOND for stop in self.stops if stop.gone is not None]
        if not self.way.startswith(OURS) or not gone:
            return []
        what = f"{self.way}: {self.playbook}, {self.hosts} hosts, {self.at_once} at once"
        left = Spread.one(self.survivors[-1], len(self.stops))
        return [
            Figure(what=f"{what} → family gone", unit="ms", ours=Spread.of(gone)),
            Figure(what="  … processes left of them", unit="left", ours=left),
        ]

    def as_json(self) -> dict[str, Any]:
        """Tell everything."""
        return {
            "what": f"{self.way}: {self.playbook}, {self.hosts} hosts, {self.at_once} at once",
            "note": self.note,
            "looks": LOOKS,
            "stops": [vars(stop) for stop in self.stops],
        }


def _spread(seconds: Sequence[float]) -> tuple[str, str, str]:
    if not seconds:
        return ("never", "", "")
    spread = Spread.of([each / MILLISECOND for each in seconds])
    return (number(spread.p50), number(spread.p99 or 0.0), number(max(seconds) / MILLISECOND))
