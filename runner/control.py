"""The control pipe: one line with the order, then single bytes until the runner is gone."""

import json
import os
import select
from typing import Any

from runner.ladder import Why

OPEN = b"o"
REQUESTS = {b"s": Why.STOP, b"k": Why.FORCE, b"t": Why.TIMEOUT, b"d": Why.SHUTDOWN}


class Control:
    """The keeper's end of it."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._received = b""

    def order(self) -> dict[str, Any] | None:
        """Wait for the order. None if the runner went without giving one."""
        while b"\n" not in self._received:
            part = os.read(self.descriptor, 65536)
            if not part:
                return None
            self._received += part
        line, _, self._received = self._received.partition(b"\n")
        order: dict[str, Any] = json.loads(line)
        return order

    @property
    def has_ended(self) -> bool:
        """Whether the runner is gone, even if something that it sent was not read yet."""
        poll = select.poll()
        poll.register(self.descriptor, 0)  # POLLHUP is told unasked
        return bool(poll.poll(0))

    def early(self) -> bytes:
        """Take the requests that came together with the order."""
        requests, self._received = self._received, b""
        return requests
