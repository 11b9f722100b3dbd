"""A template's days as two drawings: how its runs ended, and how long they took. Pure geometry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.page.words import counted, span
from runner.store.statistics import Day, Tally

WIDTH: Final = 600.0  # units of both drawings
HEIGHT: Final = 96.0
GAP: Final = 0.22  # of a day's width
ENDS: Final = ("succeeded", "failed", "stopped", "other")


class Part(NamedTuple):
    """Runs of one end on one day."""

    end: str
    y: float
    height: float


class Column(NamedTuple):
    """One day."""

    x: float
    width: float
    parts: list[Part]
    told: str


class Point(NamedTuple):
    """The duration of one day."""

    x: float
    y: float
    told: str


@dataclass(frozen=True, kw_only=True)
class Plots:
    """Both drawings, and what they say."""

    columns: list[Column]
    most: int
    #: Each piece of a line is of days without one between them that has no figure.
    p50: list[list[Point]]
    p95: list[list[Point]]
    longest: float
    first: str
    last: str
    told: str
    all_days: Tally


def plots(days: Sequence[Day], all_days: Tally) -> Plots | None:
    """Draw *days*, the oldest first. None if none of them had a run."""
    if not all_days.runs:
        return None
    most = max(day.runs for day in days)
    longest = max((day.p95 or 0.0 for day in days), default=0.0) or 1.0
    return Plots(
        columns=[_column(day, place, len(days), most) for place, day in enumerate(days)],
        most=most,
        p50=_line(days, "p50", longest),
        p95=_line(days, "p95", longest),
        longest=longest,
        first=f"{days[0].day:%-d %b}",
        last=f"{days[-1].day:%-d %b}",
        told=_told(len(days), all_days),
        all_days=all_days,
    )


def path(points: Sequence[Point]) -> str:
    """Write a line as SVG has it; a single day is a dot of no length."""
    first, *rest = points
    to = rest or [first]
    return f"M{first.x} {first.y}" + "".join(f"L{each.x} {each.y}" for each in to)


def _column(day: Day, place: int, days: int, most: int) -> Column:
    width = WIDTH / days
    y, parts = HEIGHT, []
    for end in ENDS:
        if number := getattr(day, end):
            height = number / most * HEIGHT
            y -= height
            parts.append(Part(end, round(y, 2), round(height, 2)))
    x = round(place * width + width * GAP / 2, 2)
    return Column(x, round(width * (1 - GAP), 2), parts, f"{day.day:%-d %b}: {_counts(day)}")


def _line(days: Sequence[Day], name: str, longest: float) -> list[list[Point]]:
    width = WIDTH / len(days)
    pieces: list[list[Point]] = [[]]
    for place, day in enumerate(days):
        seconds = getattr(day, name)
        if seconds is None:
            pieces.append([])
            continue
        y = round(HEIGHT * (1 - seconds / longest), 2)
        told = f"{day.day:%-d %b}: {name} {span(seconds)}"
        pieces[-1].append(Point(round((place + 0.5) * width, 2), y, told))
    return [piece for piece in pieces if piece]


def _counts(tally: Tally) -> str:
    named = [(end, getattr(tally, end)) for end in ENDS]
    return ", ".join(f"{number} {end}" for end, number in named if number) or "no run"


def _told(days: int, tally: Tally) -> str:
    rate = "" if tally.success_rate is None else f"; {tally.success_rate:.0%} succeeded"
    took = "" if tally.p50 is None else f"; p50 {span(tally.p50)}, p95 {span(tally.p95)}"
    return f"{counted(tally.runs, 'run')} in {days} days: {_counts(tally)}{rate}{took}"
