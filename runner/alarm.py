"""What makes the loop turn before its time: signals and other threads, through a pipe."""

import os
import signal
import time
from types import FrameType


def turn_deaf() -> None:
    """Let nobody disturb the end of this process.

    Python puts the default back for its own signal handlers before it has ended: a second SIGTERM
    in those milliseconds killed a runner that had settled everything (seen).
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


class Alarm:
    """A pipe whose reading end belongs into the loop's selector, and the wish to leave."""

    def __init__(self) -> None:
        """Make the pipe."""
        self.descriptor, self._rope = os.pipe()
        os.set_blocking(self.descriptor, False)
        os.set_blocking(self._rope, False)
        #: When SIGTERM or SIGINT came first; monotonic. None before.
        self.term_at: float | None = None

    def install(self) -> None:
        """Take the signals of this process, which must be in its main thread."""
        signal.set_wakeup_fd(self._rope, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_term)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _on_term(self, number: int, frame: FrameType | None) -> None:
        """Note the first one; a second changes nothing."""
        self.term_at = self.term_at or time.monotonic()

    def ring(self) -> None:
        """Make the loop turn now. Any thread may call it."""
        try:
            os.write(self._rope, b".")
        except BlockingIOError:
            return  # it is about to turn anyway

    def hear(self) -> None:
        """Empty the pipe."""
        os.read(self.descriptor, 4096)
