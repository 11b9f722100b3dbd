"""What a person sees of a command, and how that person stops it."""

import os
import signal
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import FrameType
from typing import TextIO

from app.bootstrap.errors import BootstrapError, Stopped

#: What ends a command: Ctrl-C, a supervisor, a closed terminal.
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@cache
def _started_at() -> float:
    """Return when this process began, on the clock since boot. An exec does not change it."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / os.sysconf("SC_CLK_TCK")  # proc(5), field 22: starttime


def elapsed() -> float:
    """Seconds since the command was typed."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - _started_at()


def write(stream: TextIO, content: bytes) -> None:
    """Write bytes as they are. A terminal that is gone is no reason to stop ending children."""
    try:
        stream.buffer.write(content)
        stream.buffer.flush()
    except OSError:
        return  # nobody is left to be told


def say(message: str) -> None:
    """Tell how far it is, on stderr: stdout belongs to what the command is for."""
    write(sys.stderr, f"[{elapsed():5.1f}s] {message}\n".encode())


def raise_on_signals() -> None:
    """Turn the first stopping signal into Stopped, and ignore the ones after it.

    What was ignored when we came (nohup) stays ignored.
    """
    for number in STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def exit_code(command: Callable[[], int]) -> int:
    """Run *command* until it ends or is stopped; errors a person can act on become one line."""
    raise_on_signals()
    try:
        return command()
    except BootstrapError as error:
        say(str(error))
        return 1
    except Stopped as stopped:
        return 128 + int(stopped.args[0])


def _stop(number: int, frame: FrameType | None) -> None:
    for each in STOPS:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(number)


def note_signals() -> list[int]:
    """From now on only note stopping signals, in the returned list."""
    noted: list[int] = []
    for number in STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: noted.append(number))
    return noted
