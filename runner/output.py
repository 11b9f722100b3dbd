"""A run's output on its way from the pipe to Postgres: masked, bounded, in order, never lost.

What Postgres has not taken yet waits here: in memory, and beyond that in a file of the run's
directory while Postgres is away.
"""

import logging
import tempfile
from pathlib import Path
from typing import Any

from runner.masks import Mask

log = logging.getLogger(__name__)

MEMORY = 4 * 2**20  # bytes that wait in memory; more goes to disk
CHUNK = 65_536  # bytes in one row
ENOUGH = 2**20  # bytes waiting at which reading pauses while Postgres answers
TAIL = 16_384  # bytes kept to find ansible's own reason in
NOTICE = b"\n[curtain: the output limit of %d bytes is reached, what follows is not kept]\n"


class Output:
    """What a run has printed and Postgres has not taken yet."""

    def __init__(self, directory: Path, secrets: dict[str, Any], limit: int) -> None:
        """Mask *secrets*; keep at most *limit* bytes."""
        self.mask = Mask(secrets)
        self.tail = b""
        #: Offset behind the last byte that Postgres has.
        self.stored = 0
        #: Offset behind the last byte that is to be stored.
        self.end = 0
        self.is_truncated = False
        self._limit = limit
        self._spool = tempfile.SpooledTemporaryFile(max_size=MEMORY, dir=str(directory))  # noqa: SIM115 - lives as long as the run
        #: Offset of the first byte in the spool.
        self._base = 0
        self._offered = b""
        #: The disk was full while Postgres was away.
        self.is_torn = False

    @property
    def waiting(self) -> int:
        """Bytes that Postgres has not taken yet."""
        return self.end - self.stored

    def feed(self, chunk: bytes) -> None:
        """Take what came out of the pipe."""
        self._add(self.mask.feed(chunk))

    def finish(self) -> None:
        """Take what the mask has kept back: nothing more will come."""
        self._add(self.mask.flush())

    def _add(self, shown: bytes) -> None:
        if self.is_truncated or not shown:
            return
        if self.end + len(shown) > self._limit:
            self.is_truncated = True
            shown = shown[: self._limit - self.end] + NOTICE % self._limit
        self.tail = (self.tail + shown)[-TAIL:]
        try:
            self._spool.seek(self.end - self._base)
            self._spool.write(shown)
        except OSError as error:
            log.error("output is lost, the disk does not take it: %s", error)
            self.is_torn = True
            return
        self.end += len(shown)

    def next_chunk(self) -> bytes:
        """The bytes to store next, at `stored`: the same ones until they are taken."""
        if not self._offered:
            self._spool.seek(self.stored - self._base)
            self._offered = self._spool.read(CHUNK)
        return self._offered

    def taken(self) -> None:
        """Postgres has the chunk that was offered."""
        self.stored += len(self._offered)
        self._offered = b""
        if self.stored == self.end:
            self._spool.seek(0)
            self._spool.truncate()
            self._base = self.end

    def close(self) -> None:
        """Forget what is left."""
        self._spool.close()
