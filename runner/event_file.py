"""The file that our callback plugin writes events into: what of it has not been read yet."""

import os
from pathlib import Path
from typing import Final

from runner.errors import RunnerError
from runner.paper import open_plain
from runner.plugin import EVENTS

CHUNK: Final = 256 * 1024  # bytes read at once; the longest line that the plugin writes is shorter
LINES: Final = 1000  # of one batch: 10 to 20 ms of a loop that has other runs to look after


class EventsTorn(RunnerError):
    """Somebody has shortened the file: what was in it cannot be told any more."""

    code = "events_torn"


class EventFile:
    """Holds the file open from before the first task on: whoever removes it takes nothing away."""

    def __init__(self, directory: Path) -> None:
        """Open it. Raise OSError when it is not there, or no plain file."""
        self._file = open_plain(directory / EVENTS)

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return os.fstat(self._file.fileno()).st_size

    def read(self, position: int, end: int) -> tuple[list[bytes], int]:
        """Read whole lines from *position*, a batch at most; and tell where the next one begins.

        What has no end of line before *end* waits for it, unless it is longer than any line of
        ours. Raise EventsTorn when there is less than was read already.
        """
        raw = os.pread(self._file.fileno(), min(CHUNK, end - position), position)
        if not raw and self.size < position:
            raise EventsTorn
        lines = raw.split(b"\n", LINES)
        rest = lines.pop()
        if not lines and len(raw) == CHUNK:
            return [], position + CHUNK
        return lines, position + len(raw) - len(rest)

    def close(self) -> None:
        """Close it."""
        self._file.close()
