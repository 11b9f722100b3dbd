"""A run's output on its way from the pipe to Postgres: masked, bounded, in order."""

import logging
from pathlib import Path
from typing import Any

from runner.masks import Mask
from runner.spool import Spool

log = logging.getLogger(__name__)

#: Bytes in one row at most. Each is a statement that Postgres has to sync: by 64 KB it took a third
#: as many a second. And each must arrive in connection.ANSWER seconds, on a slow line too.
CHUNK = 2**18
ENOUGH = 2**20  # bytes waiting at which reading pauses while Postgres answers
TAIL = 16_384  # bytes kept to find ansible's own reason in
TORN = b"\n[curtain: %d bytes are missing here, the disk did not take them]\n"
NOTICE = b"\n[curtain: the output limit of %d bytes is reached, what follows is not kept]\n"


class Output:
    """What a run has printed and Postgres has not taken yet."""

    def __init__(
        self,
        directory: Path,
        secrets: dict[str, Any],
        limit: int,
        *,
        stored: int = 0,
        is_truncated: bool = False,
    ) -> None:
        """Mask *secrets*; keep at most *limit* bytes, with the *stored* ones of other attempts."""
        self.mask = Mask(secrets)
        self.tail = b""
        #: Offset behind the last byte that Postgres has.
        self.stored = stored
        self.is_truncated = is_truncated
        #: The disk was full while Postgres was away: something is missing.
        self.is_torn = False
        #: How many bytes are, since something was kept.
        self._missing = 0
        self._limit = limit
        self._spool = Spool(directory)
        self._offered = b""

    @property
    def waiting(self) -> int:
        """Bytes that Postgres has not taken yet."""
        return len(self._spool)

    @property
    def end(self) -> int:
        """Offset behind the last byte that is to be stored."""
        return self.stored + self.waiting

    def feed(self, chunk: bytes) -> None:
        """Take what came out of the pipe."""
        self._add(self.mask.feed(chunk))

    def finish(self) -> None:
        """Take what the mask has kept back: nothing more will come."""
        self._add(self.mask.flush())
        self._keep(b"")

    def _add(self, shown: bytes) -> None:
        self.tail = (self.tail + shown)[-TAIL:]
        if self.is_truncated or not shown:
            return
        if self.end + len(shown) > self._limit:
            self.is_truncated = True
            shown = shown[: max(0, self._limit - self.end)] + NOTICE % self._limit
        self._keep(shown)

    def _keep(self, shown: bytes) -> None:
        """Let bytes wait, behind word of those that are missing before them."""
        kept = (TORN % self._missing if self._missing else b"") + shown
        try:
            self._spool.append(kept)
            self._missing = 0
        except OSError as error:
            if not self.is_torn:
                log.error("output is lost, the disk does not take it: %s", error)
            self.is_torn = True
            self._missing += len(shown)

    def next_chunk(self) -> bytes:
        """The bytes to store next, at `stored`: the same ones until they are taken."""
        self._offered = self._offered or self._spool.peek(CHUNK)
        return self._offered

    def taken(self) -> None:
        """Postgres has the chunk that was offered."""
        self._spool.drop(len(self._offered))
        self.stored += len(self._offered)
        self._offered = b""

    def close(self) -> None:
        """Forget what is left."""
        self._spool.close()
