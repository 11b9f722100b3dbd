"""The leader's first moments: from the fork, through the gate, to what it leads."""

import contextlib
import os
import signal
from collections.abc import Callable
from typing import NamedTuple

from runner import linux, mark
from runner.cgroup import Group
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
    lead: Callable[[], None],
    *,
    brand: int,
    group: Group | None,
    control: int,
    output: int,
    status: Status,
) -> Leader:
    """Fork a session leader that waits at its gate, branded, in its *group*, to call *lead*."""
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
            if group is not None:
                # After its arrival: the kernel may take 17 ms, while Postgres hears of the leader.
                status.say(event="entered", outside=_enter(group))
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


def _enter(group: Group) -> str | None:
    """Be contained from here on; tell why not. No run fails for that: descent and mark remain."""
    try:
        group.enter()
    except OSError as error:
        return str(error)
    return None


def _stand_alone(keeper: int, brand: int, output: int) -> None:
    """Take nothing over from the keeper that the run could notice or keep open."""
    os.setsid()
    linux.die_with_parent(keeper)
    mark.wear(brand)
    signal.set_wakeup_fd(-1)
    # RQ, nohup and a shell's & leave signals ignored: ansible would then never hear a stop.
    # But for SIGPIPE, ignored by Python: a runner that dies while the leader still says something
    # would kill it before its keeper can see why, and the run would have failed by itself.
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGPIPE}:
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
