"""What a keeper says: one JSON line an event, to a file that outlives its runner and to a pipe."""

import json
import os
from pathlib import Path


class Status:
    """The record file is the truth; the pipe brings the same lines sooner while somebody reads."""

    def __init__(self, record: Path, pipe: int) -> None:
        os.set_blocking(pipe, False)  # a runner that hangs must not hang a keeper
        self._pipe = pipe
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._record = os.open(record, flags, 0o600)
        self._torn: set[int] = set()

    def say(self, *, event: str, **fields: object) -> None:
        """Write one line. A full disk, a full pipe or a dead reader must not stop a keeper."""
        line = json.dumps({"event": event, **fields}).encode() + b"\n"
        for descriptor in (self._record, self._pipe):
            self._write(descriptor, line)

    def _write(self, descriptor: int, line: bytes) -> None:
        """Write at once, so that leader's and keeper's lines never mix."""
        start = b"\n" if descriptor in self._torn else b""
        try:
            written = os.write(descriptor, start + line)
        except OSError:
            return  # without its keeper the family would be left to itself
        # What was full may have taken a part; the next line must not grow out of it.
        if written < len(start + line):
            self._torn.add(descriptor)
        else:
            self._torn.discard(descriptor)
