"""How a run that is followed is shown: on a terminal, to a pipe, to a program."""

import codecs
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

from app.cli import words
from app.cli.client import Client, at
from app.cli.errors import CliError
from app.cli.following import Back, Ended, Happened, Lost, Piece, Seen
from app.cli.out import Out, note
from app.cli.progress import Progress
from app.cli.safe import Coloured

FRAMES = 8  # pictures a second


class Display(Protocol):
    """What is shown of what was seen."""

    def show(self, seen: Seen) -> None:
        """Show the next thing."""

    def close(self) -> None:
        """Show no more."""


class JsonLines:
    """One line of JSON for each thing, for programs."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def show(self, seen: Seen) -> None:
        """Write a line."""
        match seen:
            case Piece():
                # Half a character at the end of a piece is told with the next one.
                offset = seen.offset - len(self._decoder.getstate()[0])
                text = self._decoder.decode(seen.bytes)
                self._out.entry({"event": "output", "offset": offset, "text": text})
            case Happened():
                self._out.entry({"event": seen.kind, **seen.detail})
            case Lost():
                self._out.entry({"event": "lost", "why": seen.why})
            case Back():
                self._out.entry({"event": "back"})
            case Ended():
                self._out.entry({"event": "end", "run": seen.run})

    def close(self) -> None:
        """Nothing is left to be shown."""


class Plain:
    """The output byte for byte, and notes on standard error."""

    def __init__(self, out: Out) -> None:
        self._out = out
        is_clean = out.is_terminal
        self._cleaned = Coloured(with_colours=out.with_colours) if is_clean else None

    def show(self, seen: Seen) -> None:
        """Write what it is."""
        match seen:
            case Piece():
                self._write(seen.bytes)
            case Lost():
                note(f"connection lost, trying again: {seen.why}")
            case Back():
                note("connected again; nothing is missing")

    def _write(self, content: bytes) -> None:
        if self._cleaned is None:
            self._out.write_bytes(content)
        else:
            self._out.write(self._cleaned.add(content))

    def close(self) -> None:
        """Write what still waited for its other half."""
        if self._cleaned is not None:
            self._out.write(self._cleaned.finish())


class Raw(Plain):
    """The output byte for byte, on a terminal too."""

    def __init__(self, out: Out) -> None:
        super().__init__(out)
        self._cleaned = None


class Board:
    """The output on a terminal, and below it how far the run is."""

    def __init__(self, out: Out, client: Client, run: dict[str, Any]) -> None:
        from rich.live import Live

        self.progress = Progress(run)
        self._out = out
        self._client = client
        self._cleaned = Coloured(with_colours=out.with_colours)
        #: The beginning of a line whose end has not come: Live can only write above itself.
        self._line = ""
        self._live = Live(
            get_renderable=self._picture,
            console=out.console,
            refresh_per_second=FRAMES,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="ellipsis",
        )

    def open(self) -> None:
        """Begin to show it."""
        self.progress.usual = usual_seconds(self._client, self.progress.run["template"])
        self._live.start(refresh=True)

    def show(self, seen: Seen) -> None:
        """Show what it is."""
        match seen:
            case Piece():
                self._write(self._cleaned.add(seen.bytes))
            case Happened():
                self.progress.take(seen.kind, seen.detail)
            case Lost():
                self.progress.lost = seen.why
            case Back():
                self.progress.lost = None
            case Ended():
                self.progress.run = seen.run

    def _write(self, text: str) -> None:
        whole, line_end, self._line = (self._line + text).rpartition("\n")
        if line_end:
            self._print(whole)

    def _print(self, text: str) -> None:
        from rich.segment import Segment, Segments

        # As it is: a text of rich's would be wrapped anew and lose its colours.
        self._live.console.print(Segments([Segment(text + "\n")]), crop=False, soft_wrap=True)

    def _picture(self) -> Any:
        return picture(self.progress, datetime.now(UTC), self._out.console.width)

    def close(self) -> None:
        """Take the board away; the output stays."""
        if last := self._line + self._cleaned.finish():
            self._line = ""
            self._print(last)
        self._live.stop()


def usual_seconds(client: Client, template: str) -> float | None:
    """What a run of the template takes as a rule; None if nobody can tell."""
    try:
        usual = client.get(f"{at('templates', template)}/recent")["usual_seconds"]
    except CliError:
        return None
    return float(usual) if usual is not None else None


def picture(progress: Progress, now: datetime, width: int) -> Any:
    """Two lines and perhaps a bar, each within the terminal's width."""
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    style = "red" if progress.lost else words.STYLES.get(words.state(progress.run), "bold cyan")
    rows: list[Any] = [Text(progress.sentence(now), style, no_wrap=True, overflow="ellipsis")]
    if detail := progress.detail():
        rows.append(Text(detail, "dim", no_wrap=True, overflow="ellipsis"))
    share = progress.share(now)
    if share is not None and not words.is_final(progress.run):
        rows.append(ProgressBar(total=1.0, completed=share, width=min(width, 60)))
    return Group(*rows)


@contextmanager
def shown(display: Display) -> Iterator[Callable[[Seen], None]]:
    """Show until the end of the block, however it ends."""
    if isinstance(display, Board):
        display.open()
    try:
        yield display.show
    finally:
        sys.stdout.flush()
        display.close()
