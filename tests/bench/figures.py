"""What was measured: spreads of samples, each beside a floor from the same minutes."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Self

MILLISECOND = 0.001  # seconds
OURS = "Curtain"  # among ways to do the same


@dataclass(frozen=True)
class Spread:
    """How samples lie."""

    p50: float
    #: None where there is one sample, or a rate.
    p99: float | None
    n: int

    @classmethod
    def one(cls, value: float, n: int = 1) -> Self:
        """Take a single value, found by looking *n* times."""
        return cls(value, None, n)

    @classmethod
    def of(cls, samples: Sequence[float]) -> Self:
        """Spread *samples* out by nearest rank: no value that was not seen."""
        ranked = sorted(samples)
        p50, p99 = (ranked[math.ceil(share * len(ranked)) - 1] for share in (0.5, 0.99))
        return cls(p50, p99, len(ranked))


@dataclass(frozen=True)
class Aim:
    """What a figure should reach. Missing it fails nothing: machines are noisy."""

    #: `added` is what the median has over the floor's; a `rate` is at least as high.
    of: Literal["p50", "p99", "added", "rate"]
    limit: float

    def __str__(self) -> str:
        """Write it for the table."""
        return f"{self.of} {'≥' if self.of == 'rate' else '<'} {self.limit:g}"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One line of the table."""

    HEAD: ClassVar = ("what", "", "p50", "p99", "floor p50", "ratio", "aim", "", "n")

    what: str
    unit: Literal["ms", "/s", "MB", "MB/s", "left"]
    ours: Spread
    #: The same without us, as far as that can be had. None where there is no such thing.
    floor: Spread | None = None
    aim: Aim | None = None

    @property
    def ratio(self) -> float | None:
        """Our median in floors."""
        return self.ours.p50 / self.floor.p50 if self.floor and self.floor.p50 else None

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is met. None without an aim."""
        if self.aim is None:
            return None
        reached = {
            "p50": self.ours.p50,
            "p99": self.ours.p99,
            "added": self.ours.p50 - (self.floor.p50 if self.floor else 0.0),
            "rate": self.ours.p50,
        }[self.aim.of]
        if reached is None:
            return False
        return reached >= self.aim.limit if self.aim.of == "rate" else reached < self.aim.limit

    def cells(self) -> tuple[str, ...]:
        """Lay it out."""
        return (
            self.what,
            self.unit,
            number(self.ours.p50),
            "" if self.ours.p99 is None else number(self.ours.p99),
            number(self.floor.p50) if self.floor else "",
            f"{self.ratio:.2f}" if self.ratio is not None else "",
            str(self.aim or ""),
            {True: "met", False: "missed", None: ""}[self.is_met],
            str(self.ours.n),
        )

    def figures(self) -> Sequence["Figure"]:
        """Be in the table of everything."""
        return [self]

    def as_json(self) -> dict[str, Any]:
        """Tell everything."""
        return {**asdict(self), "ratio": self.ratio, "is_met": self.is_met}


def number(value: float) -> str:
    """Write three digits or more."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(
    what: str, seconds: Sequence[float], floor: Sequence[float] = (), aim: Aim | None = None
) -> Figure:
    """Make a figure in milliseconds of samples in seconds."""
    ours, least = ([sample / MILLISECOND for sample in samples] for samples in (seconds, floor))
    return Figure(
        what=what,
        unit="ms",
        ours=Spread.of(ours),
        floor=Spread.of(least) if least else None,
        aim=aim,
    )
