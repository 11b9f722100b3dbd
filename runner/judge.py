"""How the end of a run is judged: pure policy, tested by a table."""

import re
import signal
from dataclasses import dataclass, field, replace
from typing import Any

from runner.recap import HostResult
from runner.run import Run, RunState, StopOutcome

#: Exit codes that tell how a play ended: whatever else happened meanwhile, they are its own.
PLAYED = (0, 2, 3, 4)

#: What ansible-playbook means by its exit codes (ansible-core 2.15 to 2.21, measured).
MEANINGS = {
    1: "ansible-playbook failed",
    2: "a task failed on at least one host",
    3: "a task failed on at least one host",
    4: "at least one host was unreachable, or the playbook could not be parsed",
    5: "an option or a value in ansible.cfg is not valid",
    99: "ansible-playbook was interrupted, not by Curtain",
    250: "ansible-playbook met an unexpected error",
}

ERROR = re.compile(r"^(?:\x1b\[[0-9;]*m)*(?:\[ERROR\]:|ERROR!)\s+(.+?)(?:\x1b\[[0-9;]*m)*$", re.M)

#: What ssh says before its reason: a warning in a box of @, of which the title tells something,
#: and that it will know this host the next time.
BOX = re.compile(r"@{20,}\s*\n@\s+(.+?)\s+@\s*\n@{20,}")
ACCEPTED = re.compile(r"Warning: Permanently added .+ to the list of known hosts\.\s*")

#: Why an inventory could not be read: what its script said, else what the first plugin says.
#: Ansible tells it in warnings; its error says only that there is none.
UNREAD = "No inventory was parsed"
NO_SCRIPT = re.compile(r"^(The inventory '.+' begins with #! .+)$", re.M)  # our leader's words
SCRIPT_SAID = re.compile(r"^Standard error from inventory script:\n(.+)", re.M)
PLUGIN_SAID = re.compile(r"\[WARNING\]: (Failed to parse inventory with .+)")


@dataclass(frozen=True, kw_only=True)
class End:
    """What is known of a family that is gone, but for the async jobs that it may leave."""

    #: As in Popen: negative for a signal; None when the leader's end was not seen.
    exit_code: int | None
    #: Our signals that reached the family before the leader had ended, in their order.
    signalled: tuple[str, ...] = ()
    #: Why the first of them was sent: stop, timeout, shutdown, orphaned; None when none was.
    why: str | None = None
    #: The gate was never opened: nothing of the playbook ran.
    never_started: bool = False
    #: Why the leader could not become ansible-playbook.
    refusal: str | None = None
    #: Our runner was being shut down when the leader ended.
    shutting_down: bool = False
    #: Async jobs that it left alive: {pid, created, sid, command} each.
    left: tuple[dict[str, Any], ...] = ()
    #: The last output, to find ansible's own reason in.
    tail: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The final state of a run and what is kept beside it."""

    state: RunState
    message: str
    exit_code: int | None = None
    stop_outcome: StopOutcome | None = None
    #: Async jobs that outlive it, as its template allows.
    left_running: tuple[dict[str, Any], ...] = ()
    #: Hosts on which it may go on; None when that is not known.
    may_continue_on: list[str] | None = field(default_factory=list)
    #: What came of each host; None when that is not known.
    hosts: tuple[HostResult, ...] | None = None

    def detail(self) -> dict[str, Any]:
        """What its event tells."""
        told = {
            "message": self.message,
            "exit_code": self.exit_code,
            "stop_outcome": self.stop_outcome,
            "left_running": self.left_running or None,
            "may_continue_on": self.may_continue_on or None,
        }
        return {name: value for name, value in told.items() if value is not None}


def judge(run: Run, end: End) -> Verdict:
    """Name the final state of *run*, whose family is gone."""
    if end.why == "timeout":
        limit = run.spec["timeout"]
        while_preparing = "" if run.playing_at else " while it was preparing"
        passed = f"its time limit of {limit} seconds passed{while_preparing}"
        return _ended(end, RunState.TIMED_OUT, passed)
    was_ended = end.why is not None or _was_taken_down(end)
    if was_ended and run.stop_requested_at is not None:
        return _stopped(run, end)
    if end.why == "shutdown":
        return _ended(end, RunState.INTERRUPTED, "its runner was shut down")
    if end.why == "orphaned":
        message = "its runner died; its family was ended"
        if end.never_started:
            message = "its runner died or stood still before it was started"
        return _ended(end, RunState.INTERRUPTED, message)
    return replace(_ended_by_itself(end), left_running=end.left)


def _was_taken_down(end: End) -> bool:
    """Whether a platform has ended it, which signals every process of the container."""
    return end.shutting_down and end.exit_code is not None and end.exit_code < 0


def _stopped(run: Run, end: End) -> Verdict:
    who = f"stopped by {run.stop_requested_by}"
    why = f": {run.stop_reason}" if run.stop_reason else ""
    if end.never_started:
        again = " again" if run.attempt > 1 else ""
        return Verdict(
            state=RunState.STOPPED,
            message=f"{who} before it was started{again}{why}",
            stop_outcome=StopOutcome.NEVER_STARTED,
        )
    killed = "KILL" in end.signalled
    return Verdict(
        state=RunState.STOPPED,
        message=f"{who}{why}",
        exit_code=end.exit_code,
        stop_outcome=StopOutcome.KILLED if killed else StopOutcome.TERMINATED,
    )


def _ended_by_itself(end: End) -> Verdict:
    if end.refusal:
        return _ended(end, RunState.FAILED, end.refusal)
    if end.exit_code is None:
        return _ended(end, RunState.FAILED, "its keeper was killed, not by Curtain")
    if end.exit_code == 0:
        return _ended(end, RunState.SUCCEEDED, "the playbook ended well")
    if _was_taken_down(end):
        return _ended(end, RunState.INTERRUPTED, "the platform shut its runner's container down")
    if end.exit_code < 0:
        name = signal_name(-end.exit_code)
        return _ended(end, RunState.FAILED, f"killed by {name}, not by Curtain")
    return _ended(end, RunState.FAILED, explain(end.exit_code, end.tail))


def signal_name(number: int) -> str:
    """SIGTERM for 15; a real-time signal has only its number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _ended(end: End, state: RunState, message: str) -> Verdict:
    code = None if end.refusal or end.never_started else end.exit_code
    return Verdict(state=state, message=storable(message), exit_code=code)


def storable(text: str) -> str:
    """Replace what Postgres cannot keep in a text: NUL and halves of surrogate pairs."""
    return re.sub("[\0\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


def explain(exit_code: int, tail: str) -> str:
    """Say what *exit_code* means, with ansible's own reason where the output gives one."""
    meaning = MEANINGS.get(exit_code, "ansible-playbook failed")
    if exit_code == 4:
        unreachable = "unreachable=" in tail  # of a recap, however long that is
        meaning = (
            "at least one host was unreachable" if unreachable else "the playbook is not valid"
        )
    said = ACCEPTED.sub("", BOX.sub(r"\1", tail))
    reasons = ERROR.findall(said) if exit_code != 2 else []
    if reasons and reasons[0].startswith(UNREAD):
        patterns = (SCRIPT_SAID, NO_SCRIPT, PLUGIN_SAID)
        reasons = [*(reason for each in patterns for reason in each.findall(tail)), *reasons]
        meaning = "the inventory cannot be read"
    reason = f": {reasons[0].strip()}" if reasons else ""
    return f"{meaning} (exit code {exit_code}){reason}"[:500]
