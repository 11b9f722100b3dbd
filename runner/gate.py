"""The gate at which a leader waits: opened once, while its run is its runner's for sure."""

import contextlib
import os

from runner.control import OPEN


class Gate:
    """The keeper's side of it."""

    def __init__(self, opener: int, until: float | None) -> None:
        """Open it by *opener*, not later than *until*; monotonic, None for ever."""
        self.is_open = False
        self._opener = opener
        self._until = until

    def open(self) -> None:
        """Let the leader go on."""
        with contextlib.suppress(BrokenPipeError):  # it has died at the gate; wait() tells
            os.write(self._opener, OPEN)
            self.is_open = True

    def is_overdue(self, now: float) -> bool:
        """Whether it is still closed, and others may soon say that nothing of the run lives."""
        return not self.is_open and self._until is not None and now > self._until

    def wait(self, now: float) -> float | None:
        """Tell the seconds until it is overdue. None when it will never be."""
        return None if self.is_open or self._until is None else max(0.0, self._until - now)
