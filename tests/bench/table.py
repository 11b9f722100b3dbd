"""The table that a person reads."""

from collections.abc import Sequence

from tests.bench.figures import Figure

HEAD = ("what", "", "p50", "p99", "floor p50", "ratio", "aim", "", "n")


def table(figures: Sequence[Figure]) -> str:
    """Lay the figures out in columns; the first is aligned left."""
    rows = [HEAD, *(_row(figure) for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]
    return "  ".join(cells).rstrip()


def _row(figure: Figure) -> tuple[str, ...]:
    return (
        figure.what,
        figure.unit,
        _number(figure.ours.p50),
        "" if figure.ours.p99 is None else _number(figure.ours.p99),
        _number(figure.floor.p50) if figure.floor else "",
        f"{figure.ratio:.2f}" if figure.ratio is not None else "",
        f"{figure.aim.of} < {figure.aim.below:g}" if figure.aim else "",
        {True: "met", False: "missed", None: ""}[figure.is_met],
        str(figure.ours.n),
    )


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
