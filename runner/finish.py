"""What an exec and the end of Python do, for a process that was copied and not executed."""

import contextlib
import ctypes
import os
import signal
import sys
from typing import NoReturn


def code_of(end: SystemExit) -> int:
    """Tell the exit code that Python makes of it; a message is printed."""
    if end.code is None:
        return 0
    if isinstance(end.code, int):
        return end.code & 0xFF
    with contextlib.suppress(Exception):
        print(end.code, file=sys.stderr)
    return 1


def descriptors() -> set[int]:
    """List those that are open."""
    listed = {int(name) for name in os.listdir("/proc/self/fd")}
    return {each for each in listed if _is_open(each)}  # that of the list itself is not any more


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def close_all_but(kept: set[int]) -> None:
    """Close what an exec would have closed: all but *kept*, standard input, output and error."""
    for each in descriptors() - kept - {0, 1, 2}:
        os.close(each)


def die_interrupted() -> None:
    """Die of SIGINT, as Python does of a KeyboardInterrupt that nobody has caught."""
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)


def leave(code: int) -> NoReturn:
    """End as Python does: threads awaited, exit functions called, files written, all let go of."""
    ctypes.pythonapi.Py_Exit(ctypes.c_int(code))
    os._exit(code)  # it does not come here
