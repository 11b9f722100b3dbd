"""A template's last runs as small bars: as high as they took long, coloured by their end. Pure."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from app.page.status import NAMES
from app.page.words import counted, span
from runner.store.statistics import Recent

RUNS: Final = 30
STEP: Final = 4  # units from bar to bar
BAR: Final = 3
HEIGHT: Final = 20
LEAST: Final = 3.0  # units of height: a run of a moment is still to be seen


class Bar(NamedTuple):
    """One run."""

    state: str
    x: float
    y: float
    height: float


class Sparkline(NamedTuple):
    """The drawing and what it says."""

    bars: list[Bar]
    told: str


def sparkline(recent: Sequence[Recent]) -> Sparkline | None:
    """Draw runs, the oldest first. None without any."""
    if not recent:
        return None
    recent = recent[-RUNS:]
    longest = max((seconds or 0.0 for _, _, seconds in recent), default=0.0) or 1.0
    bars = []
    for place, (_, state, seconds) in enumerate(recent):
        height = max(LEAST, (seconds or 0.0) / longest * HEIGHT)
        x = STEP * (RUNS - len(recent) + place)
        bars.append(Bar(state, x, round(HEIGHT - height, 1), round(height, 1)))
    return Sparkline(bars, _told(recent, longest))


def _told(recent: Sequence[Recent], longest: float) -> str:
    states = [state for _, state, _ in recent]
    counts = {state: states.count(state) for state in dict.fromkeys(states)}
    parts = ", ".join(f"{number} {NAMES.get(state, state)}" for state, number in counts.items())
    return f"last {counted(len(recent), 'run')}: {parts}; the longest took {span(longest)}"
