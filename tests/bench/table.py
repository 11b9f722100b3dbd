"""The table that a person reads."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from tests.bench.figures import Figure


class Measured(Protocol):
    """One line of a table."""

    HEAD: ClassVar[tuple[str, ...]]

    def cells(self) -> tuple[str, ...]:
        """Lay it out in as many as HEAD has."""

    def figures(self) -> Sequence["Figure"]:
        """What of it belongs in the table of everything."""

    def as_json(self) -> dict[str, Any]:
        """Tell everything."""


def table(measured: Sequence[Measured]) -> str:
    """Lay lines of one kind out in columns; the first is aligned left."""
    rows = [measured[0].HEAD, *(each.cells() for each in measured)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def markdown(measured: Sequence[Measured]) -> str:
    """Lay them out as a table of Markdown."""
    head = measured[0].HEAD
    rows = [head, tuple("---:" if at else "---" for at in range(len(head)))]
    rows += [each.cells() for each in measured]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]
    return "  ".join(cells).rstrip()
