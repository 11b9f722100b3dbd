"""What a script learns from the exit code."""

from enum import IntEnum


class Exit(IntEnum):
    """How a command ended. The codes of a run's end come from commands that wait for it."""

    DONE = 0
    FAILED = 2
    STOPPED = 3
    TIMED_OUT = 4
    INTERRUPTED = 5
    LOST = 6
    NOT_ALLOWED = 10
    NOT_FOUND = 11
    REFUSED = 12
    UNREACHABLE = 13
    #: `doctor` has found something that a person should look at.
    UNWELL = 14
    USAGE = 64
    #: Ctrl-C ended the watching; the run goes on.
    UNWATCHED = 130
    #: Whoever read what is printed reads no more: what a shell says of SIGPIPE.
    PIPE = 141


#: The exit code of each final state.
OF_STATE = {
    "succeeded": Exit.DONE,
    "failed": Exit.FAILED,
    "stopped": Exit.STOPPED,
    "timed_out": Exit.TIMED_OUT,
    "interrupted": Exit.INTERRUPTED,
    "lost": Exit.LOST,
}
