"""A run's walk drawn to scale: queued, preparing, playing, stopping. Pure geometry."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.page.words import span
from runner.run import Run

WIDTH: Final = 1000.0  # units of the drawing, which is stretched to its place
LEAST: Final = 4.0  # units: what took a moment is still to be seen


@dataclass(frozen=True)
class Stage:
    """One part of the walk."""

    #: queued, preparing, playing or stopping.
    name: str
    seconds: float
    #: Where it is drawn.
    x: float
    width: float
    #: Whether it goes on.
    is_open: bool

    @property
    def told(self) -> str:
        """Say it."""
        return f"{self.name} {span(self.seconds)}" + (" so far" if self.is_open else "")


def timeline(run: Run, now: datetime) -> list[Stage]:
    """Draw what has been of the walk, in proportion."""
    end = run.finished_at or now
    lengths = list(_lengths(run, end))
    total = sum(seconds for _, seconds in lengths) or 1.0
    widths = [max(LEAST, seconds / total * WIDTH) for _, seconds in lengths]
    scale = WIDTH / sum(widths)
    stages: list[Stage] = []
    x = 0.0
    for (name, seconds), width in zip(lengths, widths, strict=True):
        is_last = len(stages) == len(lengths) - 1
        is_open = is_last and run.finished_at is None
        stages.append(Stage(name, seconds, round(x, 2), round(width * scale, 2), is_open))
        x += width * scale
    return stages


def _lengths(run: Run, end: datetime) -> Iterator[tuple[str, float]]:
    """Name each stage and its seconds. A stop cuts whatever stage it falls into."""
    stop = run.stop_requested_at
    marks = [("queued", run.queued_at), ("preparing", run.claimed_at), ("playing", run.playing_at)]
    begun = [(name, at) for name, at in marks if at is not None]
    if stop is not None and stop < end:
        begun = [(name, at) for name, at in begun if at <= stop] + [("stopping", stop)]
    for place, (name, at) in enumerate(begun):
        until = begun[place + 1][1] if place + 1 < len(begun) else end
        yield name, max(0.0, (until - at).total_seconds())
