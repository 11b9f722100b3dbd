"""What a soak has seen, and how it is told."""

import json
import statistics
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from tests.bench.table import table


@dataclass
class Line:
    """One kind of fault."""

    HEAD: ClassVar = ("fault", "times", "runs touched", "p50 s", "max s", "violations")

    kind: str
    touched: int = 0
    violations: int = 0
    times: int = 0
    #: Seconds each time from its end until the world was well.
    recoveries: list[float] = field(default_factory=list)

    def cells(self) -> tuple[str, ...]:
        """Lay it out."""
        counts = str(self.times), str(self.touched)
        return (self.kind, *counts, *spread(self.recoveries), str(self.violations))

    def as_json(self) -> dict[str, object]:
        """Tell everything."""
        return vars(self)


def spread(seconds: list[float]) -> tuple[str, str]:
    """Write the median and the worst."""
    if not seconds:
        return "", ""
    return f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}"


@dataclass
class Record:
    """All of a soak."""

    seed: int
    worlds: int = 0
    lines: dict[str, Line] = field(default_factory=dict)
    runs: int = 0
    #: Those whose end was seen, by their state.
    ends: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def line(self, kind: str) -> Line:
        """Give the line of a kind of fault."""
        return self.lines.setdefault(kind, Line(kind))

    def table(self) -> str:
        """Lay it out for a person; the last line is of all."""
        lines = [self.lines[kind] for kind in sorted(self.lines)]
        every = [seconds for line in lines for seconds in line.recoveries]
        total = Line(
            "all",
            sum(line.touched for line in lines),
            len(self.violations),
            sum(line.times for line in lines),
            every,
        )
        return table([*lines, total])

    def write(self, file: Path) -> None:
        """Write everything for a program."""
        file.write_text(
            json.dumps(
                {
                    "seed": self.seed,
                    "worlds": self.worlds,
                    "runs": self.runs,
                    "ends": dict(self.ends),
                    "violations": self.violations,
                    "faults": [line.as_json() for line in self.lines.values()],
                },
                indent=1,
            )
        )
