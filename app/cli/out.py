"""What a command prints: for people on a terminal, for people's pipes, or for programs."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, TextIO

from app.cli.safe import lines, plain

if TYPE_CHECKING:
    from rich.console import Console

GAP = "  "


class Out:
    """Where a command prints. Whatever it is given, a terminal is only shown it."""

    def __init__(self, environ: Mapping[str, str], *, as_json: bool = False) -> None:
        """Print to standard output, and notes to standard error."""
        self.as_json = as_json
        self.is_terminal = sys.stdout.isatty() and environ.get("TERM") != "dumb"
        #: https://no-color.org
        self.with_colours = self.is_terminal and not environ.get("NO_COLOR")

    def document(self, content: Any) -> None:
        """Write one JSON document: over many lines for a person, in one for a program."""
        indent = 2 if self.is_terminal else None
        # ASCII alone: what it holds cannot give orders to a terminal.
        self.write(json.dumps(content, indent=indent) + "\n")

    def entry(self, content: Any) -> None:
        """Write one JSON line of a stream."""
        self.write(json.dumps(content) + "\n")

    def line(self, text: object = "", style: str = "") -> None:
        """Write a line; on a terminal in a *style* of rich's."""
        if style and self.with_colours:
            from rich.text import Text

            self.console.print(Text(lines(text), style), soft_wrap=True)
        else:
            self.write(lines(text) + "\n")

    def fields(self, pairs: Iterable[tuple[str, object]]) -> None:
        """Write names and values, one pair a line; those without a value are left out."""
        shown = [(name, value) for name, value in pairs if value not in (None, "", [], {})]
        width = max((len(name) for name, _ in shown), default=0)
        for name, value in shown:
            self.write(f"{name:<{width}}{GAP}{plain(value)}\n")

    def table(
        self,
        heads: Sequence[str],
        rows: Iterable[Sequence[object]],
        styles: Mapping[str, str] | None = None,
    ) -> None:
        """Write columns. On a terminal they fit into its width; what is piped is never cut.

        *styles*: of a cell, by its whole text.
        """
        cells = [[plain("" if cell is None else cell) for cell in row] for row in rows]
        if self.is_terminal:
            self.console.print(columns(heads, cells, styles or {}))
            return
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        for row in [list(heads), *cells]:
            padded = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
            self.write(GAP.join(padded).rstrip() + "\n")

    @cached_property
    def console(self) -> "Console":
        """Rich's; only where there is a terminal, for it takes a while to load."""
        return console(sys.stdout)

    def write(self, text: str) -> None:
        """Write text as it is."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def write_bytes(self, content: bytes) -> None:
        """Write bytes as they are."""
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


def note(text: object) -> None:
    """Tell a person something beside what the command prints, on standard error."""
    sys.stderr.write(lines(text) + "\n")
    sys.stderr.flush()


def console(stream: TextIO) -> "Console":
    """A console that leaves a pipe that broke to the command."""
    from rich.console import Console

    class Quiet(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Quiet(file=stream, highlight=False, markup=False, emoji=False)


def columns(heads: Sequence[str], cells: Sequence[Sequence[str]], styles: Mapping[str, str]) -> Any:
    """A table of rich's. Its texts are never read as markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style="bold")
    for head in heads:
        is_short = head.isupper() and head in ("ID", "STATE")
        table.add_column(head, no_wrap=is_short, overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell, styles.get(cell, "")) for cell in row))
    return table
