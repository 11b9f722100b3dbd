"""The file that our callback plugin writes events into: what of it has not been read yet."""

import os
from pathlib import Path
from typing import Final

from runner.errors import RunnerError
from runner.paper import open_plain
from runner.plugin import EVENTS

CHUNK: Final = 256 * 1024  # bytes read at once; the longest line that the plugin writes is shorter
LINES: Final = 500  # of one batch: some 10 ms of a loop that has other runs to look after


class EventsTorn(RunnerError):
    """Somebody has shortened the file: what was in it cannot be told any more."""

    code = "events_torn"


class EventFile:
    """Holds the file open from before the first task on: whoever removes it takes nothing away."""

    def __init__(self, directory: Path) -> None:
        """Open it. Raise OSError when it is not there, or no plain file."""
        self._file = open_plain(directory / EVENTS)
        #: A place within a line that is too long.
        self._within = 0

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return os.fstat(self._file.fileno()).st_size

    def read(self, position: int, end: int) -> tuple[list[bytes], int]:
        """Read whole lines from *position*, a batch at most; and tell where the next one begins.

        What has no end of line before *end* waits for it, unless it is longer than any line of
        ours. Raise EventsTorn when there is less than was read already.
        """
        if end < position or not self._is_at_a_line(position):
            raise EventsTorn
        raw = os.pread(self._file.fileno(), min(CHUNK, end - position), position)
        lines = raw.split(b"\n", LINES)
        rest = lines.pop()
        if not lines and len(raw) == CHUNK:
            self._within = position + CHUNK
            return [], self._within
        return lines, position + len(raw) - len(rest)

    def _is_at_a_line(self, position: int) -> bool:
        """Whether one begins there still: else somebody has shortened it, and it has grown anew."""
        if position in (0, self._within):
            return True
        return os.pread(self._file.fileno(), 1, position - 1) == b"\n"

    def close(self) -> None:
        """Close it."""
        self._file.close()
