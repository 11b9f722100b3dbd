"""The keeper: one small process per run, between the runner and the leader. Standard library only.

It is a subreaper, so whatever detaches stays below it, and wait() answering ECHILD proves that
nothing of the run is left: any session, any user. Where the run has a cgroup, that must be empty
too. Its control pipe is its runner's life line: when that ends, it ends the family by itself. It
knows how to start, signal and prove gone; no more.
"""

import fcntl
import math
import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runner import async_jobs, linux, mark
from runner.birth import Leader, fork_leader, point_stdio_at
from runner.cgroup import Group
from runner.control import OPEN, REQUESTS, Control
from runner.descent import LOOK, Descent
from runner.gate import Gate
from runner.ladder import Ladder, Rung, Why
from runner.linux import Sent, Stat
from runner.status import Status

#: Seconds between two looks at a cgroup that is not empty yet although nobody is below.
GLANCE = 0.005

Order = dict[str, Any]
Say = Callable[..., None]

# Ctrl-C and Ctrl-\ reach the whole foreground group, a platform's SIGTERM every process.
IGNORED = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTERM)


def keep(control: int, status: int, output: int, lead: Callable[[Order, Say], None]) -> int:
    """Wait for one order, keep its family until it is gone, return the exit code.

    Reads one JSON line from *control*, then single bytes: o opens the gate, s stops, k forces,
    t and d stop for the time limit and for a shutdown; its end means that the runner died.
    """
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])  # with SIGCHLD blocked nothing would wake it
    control, pipe, output = (_out_of_the_way(fd) for fd in (control, status, output))
    requests = Control(control)
    order = requests.order()
    if order is None or requests.has_ended:
        return 0
    linux.become_subreaper()
    wakeup = _wake_on_child()
    record = Status(Path(order["record"]), pipe)
    until = order.get("gate_until")
    if until is not None and time.monotonic() > until:  # its runner stood still before it gave it
        record.say(event="unled")
        return 0
    group = Group(order["cgroup"]) if order.get("cgroup") else None
    leader = fork_leader(
        lambda: lead(order["order"], record.say),
        brand=mark.brand(order["run"], order["installation"]),
        group=group,
        control=control,
        output=output,
        status=record,
    )
    os.close(output)  # the runner sees the output end when the family's last member closes it
    nowhere = os.open(os.devnull, os.O_RDWR)
    point_stdio_at(nowhere, nowhere, nowhere)
    may_leave, grace = bool(order.get("leave_async")), float(order["grace"])
    gate = Gate(leader.gate, until)
    Keeper(leader, gate, requests, wakeup, record, grace, group, may_leave=may_leave).keep()
    return 0


def _out_of_the_way(descriptor: int) -> int:
    """Move a descriptor above standard error and keep it from every exec."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    if descriptor > 2:
        os.close(descriptor)
    return moved


def _wake_on_child() -> int:
    """Make a pipe that can be read whenever a child has ended."""
    wakeup, waker = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return wakeup


class Keeper:
    """One family, from the gate to ECHILD, or to the async jobs that may outlive their run."""

    def __init__(
        self,
        leader: Leader,
        gate: Gate,
        control: Control,
        wakeup: int,
        status: Status,
        grace: float,
        group: Group | None,
        *,
        may_leave: bool,
    ) -> None:
        self._leader = leader
        self._gate = gate
        self._control = control
        self._say = status.say
        self._ladder = Ladder(grace)
        self._descent = Descent(group)
        #: Whether async jobs may go on when the leader ends as it wants to.
        self._may_leave = may_leave
        self._poll = select.poll()
        self._poll.register(control.descriptor, select.POLLIN)
        self._poll.register(wakeup, select.POLLIN)
        self._leader_has_ended = self._nobody_is_below = False
        #: Names of our signals that reached the leader alive.
        self._signalled: list[str] = []
        self._kill_was_told = False
        self._survivors: frozenset[int] = frozenset()

    def keep(self) -> None:
        """Answer requests, adopt orphans and climb the ladder until nobody is left."""
        pid, created, _ = self._leader
        self._say(event="started", pid=pid, pgid=pid, created=created, keeper=os.getpid())
        self._answer(self._control.early())
        left: list[Stat] = []
        while self._collect() or not self._descent.group_is_empty:
            self._climb()
            if left := self._left():
                break
            self._wait()
        seconds = self._ladder.elapsed(time.monotonic())
        self._say(event="gone", rounds=self._descent.rounds, seconds=seconds, left=len(left))

    def _left(self) -> list[Stat]:
        """Name the async jobs when they are all that is left, and may be."""
        left = self._descent.left() if self._descent.spares_async else []
        if left:
            self._say(event="left", processes=[_name(member) for member in left])
        return left

    def _collect(self) -> bool:
        """Take every ended child out of the process table. False when there is none left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:  # ECHILD: nobody is below, not even a zombie
                self._nobody_is_below = True
                self._descent.spares_async = False  # who is still in the group is no job of ours
                return False
            if pid == 0:
                return True
            self._descent.note_end(pid)
            if pid == self._leader.pid and not self._leader_has_ended:  # its number may come again
                self._leader_ended(os.waitstatus_to_exitcode(status))

    def _leader_ended(self, code: int) -> None:
        self._leader_has_ended = True
        told = {"signalled": self._signalled, "never_started": not self._gate.is_open}
        self._say(event="exit", code=code, orphaned=self._control.has_ended, **told)
        is_its_own_end = self._ladder.why is None and async_jobs.is_normal(code)
        self._descent.spares_async = self._may_leave and is_its_own_end
        self._ladder.leader_ended(time.monotonic())

    def _pause(self) -> float | None:
        """Tell the seconds until the next rung, round or look. None if none is to come."""
        if self._ladder.rung is Rung.KILL:
            return self._descent.pause()
        if self._descent.spares_async:
            return LOOK
        now = time.monotonic()
        waits = (self._ladder.wait(now), self._gate.wait(now))
        return min((seconds for seconds in waits if seconds is not None), default=None)

    def _wait(self) -> None:
        """Sleep until a request, the end of a child, or until there is something to do."""
        seconds = self._pause()
        if self._nobody_is_below:  # no SIGCHLD will tell when the last one leaves the group
            seconds = GLANCE if seconds is None else min(seconds, GLANCE)
        timeout = None if seconds is None else math.ceil(seconds * 1000)
        for descriptor, _ in self._poll.poll(timeout):
            received = os.read(descriptor, 4096)
            if descriptor != self._control.descriptor:
                continue
            if received:
                self._answer(received)
            else:
                self._lose_runner()

    def _answer(self, requests: bytes) -> None:
        for number in requests:
            request = bytes([number])
            if request == OPEN:
                self._open_gate()
            elif request in REQUESTS:
                self._request(REQUESTS[request])

    def _open_gate(self) -> None:
        is_overdue = self._gate.is_overdue(time.monotonic())
        if not (self._gate.is_open or is_overdue or self._ladder.why is not None):
            self._gate.open()

    def _request(self, why: Why) -> None:
        if self._descent.spares_async:  # no longer: whoever asks wants nothing to live
            self._descent.spares_async = False
            if self._ladder.rung is Rung.TERMINATE:
                self._terminate()
        self._ladder.request(why, time.monotonic(), gate_is_open=self._gate.is_open)

    def _lose_runner(self) -> None:
        self._poll.unregister(self._control.descriptor)
        self._request(Why.ORPHANED)

    def _climb(self) -> None:
        now = time.monotonic()
        if self._gate.is_overdue(now):
            self._request(Why.ORPHANED)  # its runner is dead, frozen, or does not reach Postgres
        rung = self._ladder.climb(now)
        if self._ladder.rung is Rung.KILL:
            self._kill()
        elif rung is Rung.TERMINATE:
            self._terminate()
        elif rung is Rung.ASK:
            self._ask()

    def _terminate(self) -> None:
        # A stopped process hears of the TERM only when it is continued.
        self._tell("TERM", self._descent.signal(signal.SIGTERM, signal.SIGCONT))

    def _ask(self) -> None:
        try:
            leader = linux.read(self._leader.pid)
            sent = {leader: linux.send(leader, signal.SIGINT)} if leader else {}
        except OSError:
            return  # out of files: the next rung comes
        self._tell("INT", sent)

    def _kill(self) -> None:
        sent = self._descent.kill()
        if not self._kill_was_told:
            self._kill_was_told = self._tell("KILL", sent)
        if self._survivors != self._descent.survivors:
            self._survivors = self._descent.survivors
            self._say(event="survivors", processes=[_describe(p) for p in sorted(self._survivors)])

    def _tell(self, name: str, sent: dict[Stat, Sent]) -> bool:
        """Say which signal was sent, unless it reached nobody."""
        reached = [member.pid for member, what in sent.items() if what is Sent.REACHED]
        if not reached:
            return False
        if self._leader.pid in reached:
            self._signalled.append(name)
        after = self._ladder.elapsed(time.monotonic())
        self._say(event="signal", signal=name, to=len(reached), why=self._ladder.why, after=after)
        return True


def _describe(pid: int) -> dict[str, Any]:
    return {"pid": pid, "uid": linux.user(pid), "command": linux.command(pid)}


def _name(member: Stat) -> dict[str, Any]:
    command = linux.command(member.pid)
    return {
        "pid": member.pid,
        "created": member.created,
        "sid": member.session,
        "command": command,
    }
