"""What came of checkouts: the lines of three tables."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

from tests.bench.figures import MILLISECOND, OURS, Figure, Spread, number
from tests.bench.forks import Turn

AIM = 1.3  # floors, for a rerun of a known commit


@dataclass
class Checkout:
    """One way in one situation of one repository."""

    HEAD: ClassVar = (
        *("checkout", "files", "by", "p50 ms", "p99", "floors", "aim", ""),
        *("CPU ms", "connections", "right", "n"),
    )

    situation: str
    files: int
    way: str
    turns: list[Turn] = field(default_factory=list)
    #: Calls that the server saw, one count a sample.
    connections: list[int] = field(default_factory=list)
    #: Runs that had their own commit's files when all of the sample had ended.
    right: int = 0
    #: What the same took bare git.
    floor: "Checkout | None" = None
    has_aim: bool = False

    def add(self, turn: Turn, connections: int, right: int) -> None:
        """Take a sample."""
        self.turns.append(turn)
        self.connections.append(connections)
        self.right += right

    @property
    def wall(self) -> Spread:
        """Milliseconds until the last run of a sample had its files."""
        return Spread.of([turn.wall / MILLISECOND for turn in self.turns])

    @property
    def ratio(self) -> float | None:
        """Our median in floors."""
        return self.wall.p50 / self.floor.wall.p50 if self.floor else None

    @property
    def is_met(self) -> bool | None:
        """Whether the aim is met. None without an aim."""
        return self.ratio < AIM if self.has_aim and self.ratio is not None else None

    def cells(self) -> tuple[str, ...]:
        """Lay it out."""
        runs = sum(len(turn.trees) for turn in self.turns)
        return (
            self.situation,
            f"{self.files:,}",
            self.way,
            number(self.wall.p50),
            number(self.wall.p99 or 0.0),
            f"{self.ratio:.2f}" if self.ratio is not None else "",
            f"< {AIM}" if self.has_aim else "",
            {True: "met", False: "missed", None: ""}[self.is_met],
            number(Spread.of([turn.cpu / MILLISECOND for turn in self.turns]).p50),
            f"{Spread.of(self.connections).p50:g}",
            f"{self.right}/{runs}",
            str(len(self.turns)),
        )

    def figures(self) -> Sequence[Figure]:
        """Tell how long our own took."""
        if self.way != OURS:
            return []
        what = f"checkout, {self.files:,} files: {self.situation}"
        least = self.floor.wall if self.floor else None
        return [Figure(what=what, unit="ms", ours=self.wall, floor=least)]

    def as_json(self) -> dict[str, Any]:
        """Tell everything."""
        return {
            "what": f"{self.situation}, {self.files} files: {self.way}",
            "wall": [turn.wall for turn in self.turns],
            "cpu": [turn.cpu for turn in self.turns],
            "connections": self.connections,
            "right": self.right,
            "ratio": self.ratio,
            "is_met": self.is_met,
        }


@dataclass(frozen=True)
class Disk:
    """What a way holds of the disk when many runs have come and gone."""

    HEAD: ClassVar = (
        *("disk", "files", "runs", "kept MB", "a live run's MB"),
        *("first runs p50 ms", "last runs p50 ms"),
    )

    way: str
    files: int
    runs: int
    #: Between runs, for all of them.
    kept: float
    #: For each run while it lives.
    live: float
    #: Seconds of the first and of the last runs, each of a new commit.
    first: Sequence[float]
    last: Sequence[float]

    def cells(self) -> tuple[str, ...]:
        """Lay it out."""
        spreads = (Spread.of([each / MILLISECOND for each in ends]) for ends in self._ends)
        return (
            self.way,
            f"{self.files:,}",
            str(self.runs),
            number(self.kept),
            number(self.live),
            *(number(spread.p50) for spread in spreads),
        )

    def figures(self) -> Sequence[Figure]:
        """Tell what our own way keeps."""
        if self.way != OURS:
            return []
        what = f"disk, {self.files:,} files, {self.runs} runs"
        return [
            Figure(what=f"{what}: kept", unit="MB", ours=Spread.one(self.kept)),
            Figure(what=f"{what}: for a live run", unit="MB", ours=Spread.one(self.live)),
        ]

    @property
    def _ends(self) -> tuple[Sequence[float], Sequence[float]]:
        return self.first, self.last

    def as_json(self) -> dict[str, Any]:
        """Tell everything."""
        return {"what": f"disk after {self.runs} runs, {self.files} files: {self.way}"} | asdict(
            self
        )


@dataclass(frozen=True)
class Leak:
    """What a process holds after so many checkouts."""

    HEAD: ClassVar = ("checkouts in one process", "files open", "children", "RSS MB")

    checkouts: int
    open_files: int
    children: int
    rss: float

    def cells(self) -> tuple[str, ...]:
        """Lay it out."""
        counts = (self.checkouts, self.open_files, self.children)
        return (*map(str, counts), number(self.rss))

    def figures(self) -> Sequence[Figure]:
        """Tell how large the process is."""
        what = f"a process after {self.checkouts:,} checkouts"
        return [Figure(what=what, unit="MB", ours=Spread.one(self.rss))]

    def as_json(self) -> dict[str, Any]:
        """Tell everything."""
        return {"what": "checkouts in one process"} | asdict(self)
