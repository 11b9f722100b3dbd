"""Bytes that wait, the oldest first: in memory, and beyond that in a file."""

import os
import tempfile
from pathlib import Path

MEMORY = 4 * 2**20  # bytes that wait in memory; more goes to disk


class Spool:
    """A queue of bytes. Not a SpooledTemporaryFile: that loses what it holds on a full disk."""

    def __init__(self, directory: Path) -> None:
        """Wait in *directory* when memory is not enough."""
        self._directory = directory
        self._memory = bytearray()
        self._file: int | None = None
        #: What of the file is still waiting: from, to.
        self._begin = self._end = 0

    def __len__(self) -> int:
        """How many bytes wait."""
        return len(self._memory) + self._end - self._begin

    def append(self, content: bytes) -> None:
        """Add bytes. Raise OSError, having added nothing, when the disk does not take them."""
        if self._begin == self._end and len(self._memory) + len(content) <= MEMORY:
            self._memory += content
            return
        if self._file is None:
            self._file, name = tempfile.mkstemp(dir=self._directory)
            os.unlink(name)
        rest = memoryview(content)
        at = self._end
        while rest:
            written = os.pwrite(self._file, rest, at)
            rest, at = rest[written:], at + written
        self._end = at

    def peek(self, limit: int) -> bytes:
        """Up to *limit* of the oldest bytes; at least one if any waits."""
        if self._memory:
            return bytes(self._memory[:limit])
        if self._file is None:
            return b""
        return os.pread(self._file, min(limit, self._end - self._begin), self._begin)

    def drop(self, count: int) -> None:
        """Forget as many of the oldest bytes as peek gave."""
        if self._memory:
            del self._memory[:count]
            return
        self._begin += count
        if self._begin == self._end and self._file is not None:
            os.ftruncate(self._file, 0)
            self._begin = self._end = 0

    def close(self) -> None:
        """Forget everything."""
        self._memory.clear()
        if self._file is not None:
            os.close(self._file)
            self._file = None
            self._begin = self._end = 0
