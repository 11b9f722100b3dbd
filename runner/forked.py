"""A process that another has forked and left to this one: to its user like a Popen."""

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress

GLANCE = 0.005  # seconds between two looks at its end


class Forked:
    """A child that was adopted."""

    def __init__(self, pid: int) -> None:
        """Take the child *pid* for ours."""
        self.pid = pid
        self.returncode: int | None = None
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        """Its exit code, as Popen tells it. None while it lives."""
        with self._lock:
            if self.returncode is None:
                try:
                    ended, status = os.waitpid(self.pid, os.WNOHANG)
                except ChildProcessError:  # nobody saw how: no proof that its family is gone
                    self.returncode = -signal.SIGKILL
                else:
                    self.returncode = os.waitstatus_to_exitcode(status) if ended else None
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raise subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if deadline is not None and timeout is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(["keeper"], timeout)
            time.sleep(GLANCE)
        return code

    def kill(self) -> None:
        """Kill it, unless it has been reaped."""
        with self._lock, suppress(ProcessLookupError):
            if self.returncode is None:
                os.kill(self.pid, signal.SIGKILL)
