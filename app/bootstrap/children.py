"""Children that cannot outlive the command: each is known to the guard before it begins."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

from app.bootstrap import guard

#: The child tells its kind and number on stdin, the guard's pipe, and only then becomes its
#: command. Were it the parent who tells, a kill -9 in between would lose the child.
ANNOUNCE = 'echo "$0 $$" >&0 && exec "$@" </dev/null'

#: The guard is deaf from its first instruction: ignored signals stay ignored across an exec.
DEAF = "trap '' INT TERM HUP; exec \"$@\""


class Child(NamedTuple):
    """A started command and how to stop it."""

    kind: str
    process: subprocess.Popen[bytes]
    member: guard.Member


class Children:
    """What one command has started. Leaving the context ends all of it."""

    def __init__(self, lock: int | None = None) -> None:
        """Start the guard. It keeps the descriptor *lock* open until everything has ended."""
        self.guard = subprocess.Popen(
            ["/bin/sh", "-c", DEAF, "sh", sys.executable, "-I", "-S", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            pass_fds=() if lock is None else (lock,),
            start_new_session=True,  # Ctrl-C and a closed terminal must not reach it
            cwd="/",
        )
        self._started: list[Child] = []

    def start(
        self,
        kind: str,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        output: int | IO[bytes] | None = None,
    ) -> Child:
        """Start *command* in a group of its own; *kind* says when and how it is stopped."""
        process = subprocess.Popen(
            ["/bin/sh", "-c", ANNOUNCE, kind, *command],
            stdin=self.guard.stdin,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            env=env,
            cwd=cwd,
            process_group=0,
        )
        child = Child(kind, process, guard.Member(process.pid, os.pidfd_open(process.pid)))
        self._started.append(child)
        return child

    def finish(self, child: Child) -> int:
        """Wait for the end of *child*, kill what its group still holds, return its exit code."""
        os.waitid(os.P_PID, child.process.pid, os.WEXITED | os.WNOWAIT)
        os.killpg(child.process.pid, signal.SIGKILL)  # a zombie still holds its number
        self._started.remove(child)
        os.close(child.member.pidfd)
        if child.process.stdout:
            child.process.stdout.close()
        return child.process.wait()

    def release(self) -> None:
        """Tell the guard to stop all."""
        if self.guard.stdin:
            self.guard.stdin.close()

    def close(self) -> None:
        """Stop all and wait for it. Do it here should somebody have killed the guard."""
        self.release()
        if self.guard.wait() != 0:
            self._stop_all()
        for child in list(self._started):
            self.finish(child)

    def _stop_all(self) -> None:
        kinds: dict[str, list[guard.Member]] = {kind: [] for kind in guard.LADDERS}
        for child in self._started:
            kinds[child.kind].append(child.member)
        guard.stop_all(kinds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
