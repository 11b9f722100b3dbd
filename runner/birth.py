"""The leader's first moments: from the fork, through the gate, to what it leads."""

import contextlib
import os
import signal
from collections.abc import Callable
from typing import NamedTuple

from runner import linux, mark
from runner.control import OPEN
from runner.status import Status

NOT_LED = 70  # exit code of a leader that did not become what it was to lead; EX_SOFTWARE


class Leader(NamedTuple):
    """A leader that stands at its gate."""

    pid: int
    #: Clock ticks since boot; 0 if it was dead before it could be looked at.
    created: int
    #: The pipe it waits at: a byte lets it go on, a close ends it.
    gate: int


def fork_leader(
    lead: Callable[[], None], *, brand: int, control: int, output: int, status: Status
) -> Leader:
    """Fork a session leader that waits at its gate, branded, before it calls *lead*."""
    keeper = os.getpid()
    gate, opener = os.pipe()
    arrival, arrived = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(control)
            os.close(opener)
            _stand_alone(keeper, brand, output)
            os.close(arrived)
            if os.read(gate, 1) == OPEN:
                lead()
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
            status.say(event="refused", code="internal", message=message)
        finally:
            os._exit(NOT_LED)
    os.close(gate)
    os.close(arrived)
    os.read(arrival, 1)  # nothing comes: its end says that the leader is at the gate, or dead
    os.close(arrival)
    process = linux.read(pid)
    return Leader(pid, process.created if process else 0, opener)


def _stand_alone(keeper: int, brand: int, output: int) -> None:
    """Take nothing over from the keeper that the run could notice or keep open."""
    os.setsid()
    linux.die_with_parent(keeper)
    mark.wear(brand)
    signal.set_wakeup_fd(-1)
    # RQ, nohup and a shell's & leave signals ignored: ansible would then never hear a stop.
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    point_stdio_at(os.open(os.devnull, os.O_RDONLY), output, output)
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the descriptor of this very list is closed by now
            os.set_inheritable(int(name), int(name) <= 2)


def point_stdio_at(*descriptors: int) -> None:
    """Make standard input, output and error copies of three descriptors."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
