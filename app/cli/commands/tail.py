"""`curtain tail`: a run's output."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import click

from app.cli.call import Call, takes_call
from app.cli.completing import complete_runs
from app.cli.displays import JsonLines, Plain, Raw, shown
from app.cli.errors import WrongUsage
from app.cli.following import SILENCE, Piece, offset_of, read
from app.cli.seeing import follow_to_end

BACK = 64 * 1024  # bytes that are first looked at for the last lines; doubled until it is enough
AGO = re.compile("([0-9]{1,6})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
TIME = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt].+")


class Beginning(click.ParamType[int | str]):
    """A byte as a number, or a time as text."""

    name = "beginning"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Read a byte, a time, or how long ago that was."""
        if re.fullmatch("-?[0-9]{1,18}", value):
            return int(value)
        if ago := AGO.fullmatch(value):
            seconds = int(ago[1]) * SECONDS[ago[2]]
            return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
        if TIME.fullmatch(value):
            return str(value)
        self.fail(f"{value!r} is no byte (-1000), time ago (5m) or time (2026-11-21T10:00:00Z)")


@click.command()
@click.argument("run_id", metavar="ID", type=click.IntRange(1), shell_complete=complete_runs)
@click.option(
    "--since",
    type=Beginning(),
    metavar="TIME|BYTE",
    help="What was printed in the last 30s, 5m, 2h or 1d, or since 2026-11-21T10:00:00Z. Or from "
    "this byte on; -1000 is the last 1000 bytes. --json tells where each piece begins.",
)
@click.option("-n", "--lines", type=click.IntRange(0), metavar="N", help="Only the last N lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run ends.")
@click.option("--raw", is_flag=True, help="Byte for byte on a terminal too; piped it always is.")
@takes_call
def tail(
    call: Call, run_id: int, since: int | str | None, lines: int | None, follow: bool, raw: bool
) -> int | None:
    """Print the output of the run ID, byte for byte.

    On a terminal its colours are shown, and whatever else it would tell the terminal to do is made
    visible instead of done. With --follow the exit code tells how the run ended.
    """
    if since is not None and lines is not None:
        raise WrongUsage("--since and --lines are two beginnings: give one of them")
    run = call.client.get(f"/runs/{run_id}")
    offset = _offset(call, run, since, lines)
    if follow:
        return follow_to_end(call, run, offset, raw=raw, asks=False)
    _print(call, run, offset, raw=raw)
    return None


def _print(call: Call, run: dict[str, Any], offset: int, *, raw: bool) -> None:
    display = JsonLines(call.out) if call.as_json else (Raw if raw else Plain)(call.out)
    with shown(display) as show:
        for part in _parts(call, run, offset):
            show(part)


def _parts(call: Call, run: dict[str, Any], offset: int) -> Iterator[Piece]:
    end = run["output"]["bytes"]
    if offset >= end:
        return
    for part in read(call.client, f"/runs/{run['id']}/output", offset, end):
        yield Piece(offset, part)
        offset += len(part)


def _offset(call: Call, run: dict[str, Any], since: int | str | None, lines: int | None) -> int:
    end = int(run["output"]["bytes"])
    if lines is not None:
        return _offset_of_lines(call, run["id"], end, lines)
    if since is None:
        return 0
    if isinstance(since, str):
        return _offset_since(call, run["id"], since)
    return max(0, end + since) if since < 0 else since


def _offset_since(call: Call, run_id: int, since: str) -> int:
    """Where that begins which was stored since a time; the server knows."""
    path = f"/runs/{run_id}/output?since={quote(since)}"
    with call.client.stream(path, SILENCE, Accept="text/plain") as response:
        return offset_of(response.headers.get("Curtain-Offset-Start", ""))


def _offset_of_lines(call: Call, run_id: int, end: int, lines: int) -> int:
    """Where the last *lines* lines begin: looked for backwards, no further than needed."""
    if lines == 0:
        return end
    back = BACK
    while True:
        start = max(0, end - back)
        path = f"/runs/{run_id}/output"
        text = b"".join(read(call.client, path, start, end)) if end else b""
        place = len(text) - 1  # the line feed that ends the last line begins no other
        for _ in range(lines):
            place = text.rfind(b"\n", 0, max(place, 0))
        if place >= 0 or start == 0:
            return start + place + 1
        back *= 2
