"""What the moves in runner/store should do to a run: a model of it without SQL and clock."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from runner.judge import Verdict
from runner.run import RunState, StopOutcome

#: What may follow each state in a history; a final one is followed by notes only.
LEGAL = {
    None: {RunState.QUEUED},
    RunState.QUEUED: {RunState.QUEUED, RunState.RUNNING, RunState.STOPPED, RunState.FAILED},
    RunState.RUNNING: set(RunState),
}
EXPIRED = "no runner took it within its queue time-out"


@dataclass
class Modelled:
    """One run. Each move tells whether it was made; one that was not has changed nothing."""

    triggered_by: str
    #: Its queue time-out in seconds, negative for one that has passed at once.
    timeout: float | None
    #: Its queue time-out has passed.
    is_expired: bool = False
    state: RunState = RunState.QUEUED
    phase: str | None = None
    token: UUID | None = None
    lease_is_out: bool = False
    runner: str | None = None
    holder: str | None = None
    attempt: int = 0
    leader: int | None = None
    stop_by: str | None = None
    stop_reason: str | None = None
    force_by: str | None = None
    outcome: StopOutcome | None = None
    message: str | None = None
    exit_code: int | None = None
    playbook_sha: str | None = None
    survivors: list[dict[str, Any]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    is_complete: bool | None = None
    is_truncated: bool = False
    late: dict[str, Any] | None = None
    #: Kind, state and actor of each event that must be there.
    history: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the one event that every run has."""
        self._wait()
        self._note("queued", self.triggered_by)

    def _wait(self) -> None:
        self.state, self.phase, self.token = RunState.QUEUED, None, None
        self.is_expired = self.timeout is not None and self.timeout < 0

    def _note(self, kind: str, actor: str | None) -> bool:
        self.history.append((kind, str(self.state), str(actor)))
        return True

    @property
    def output(self) -> bytes:
        """All that it has printed."""
        return b"".join(self.chunks)

    def is_held_by(self, token: UUID | None) -> bool:
        """Whether *token* is the right to it."""
        return self.state is RunState.RUNNING and token == self.token

    def claim(self, actor: str, token: UUID) -> bool:
        """queued -> running."""
        if self.state is not RunState.QUEUED or self.is_expired:
            return False
        self.state, self.phase, self.token = RunState.RUNNING, "preparing", token
        self.runner = self.holder = actor
        self.lease_is_out = False
        self.attempt += 1
        return self._note("claimed", actor)

    def register(self, token: UUID | None, actor: str | None, leader: int) -> bool:
        """A leader waits at the gate."""
        if not self.is_held_by(token):
            return False
        self.leader = leader
        return self._note("started", actor)

    def prepared(self, token: UUID | None, actor: str | None, sha: str) -> bool:
        """It is checked out."""
        if not self.is_held_by(token):
            return False
        self.playbook_sha = sha
        return self._note("prepared", actor)

    def play(self, token: UUID | None, actor: str | None) -> bool:
        """preparing -> playing."""
        if not self.is_held_by(token):
            return False
        self.phase = "playing"
        return self._note("playing", actor)

    def survive(
        self, token: UUID | None, actor: str | None, survivors: list[dict[str, Any]]
    ) -> bool:
        """Somebody would not die."""
        if not self.is_held_by(token):
            return False
        self.survivors = survivors
        return self._note("survivors", actor)

    def append(self, token: UUID | None, start: int, chunk: bytes) -> bool:
        """It has printed *chunk*, or the last one is told again."""
        if not self.is_held_by(token):
            return False
        end = len(self.output)
        if start == end:
            self.chunks.append(chunk)
        return start == end or start + len(chunk) == end

    def stop(self, by: str, reason: str | None, *, force: bool) -> bool:
        """queued -> stopped, or a wish for a running one; a second wish only if it is harder."""
        is_new = self.stop_by is None or (force and self.force_by is None)
        if self.state not in (RunState.QUEUED, RunState.RUNNING) or not is_new:
            return False
        if self.stop_by is None:
            self.stop_by, self.stop_reason = by, reason
        self.force_by = by if force else None
        if self.state is RunState.RUNNING:
            return self._note("force_requested" if force else "stop_requested", by)
        self.outcome = StopOutcome.NEVER_STARTED
        again, why = " again" if self.attempt else "", f": {reason}" if reason else ""
        message = f"stopped by {by} before it was started{again}{why}"
        return self._end(RunState.STOPPED, message, by, is_complete=True)

    def finish(self, token: UUID | None, verdict: Verdict, actor: str, **output: bool) -> bool:
        """running -> what was judged."""
        if not self.is_held_by(token):
            return False
        ended_by_itself = verdict.state in (RunState.SUCCEEDED, RunState.FAILED)
        if self.stop_by is not None:
            self.outcome = StopOutcome.TOO_LATE if ended_by_itself else verdict.stop_outcome
        self.exit_code, self.survivors = verdict.exit_code, []
        self.is_truncated |= output["truncated"]
        return self._end(verdict.state, verdict.message, actor, is_complete=output["complete"])

    def lose(self, token: UUID | None, actor: str, message: str) -> bool:
        """running -> lost, when the lease is out."""
        if not self.is_held_by(token) or not self.lease_is_out:
            return False
        return self._end(RunState.LOST, message, actor, is_complete=False)

    def expire(self, actor: str) -> bool:
        """queued -> failed, when its queue time-out has passed."""
        if self.state is not RunState.QUEUED or not self.is_expired:
            return False
        return self._end(RunState.FAILED, EXPIRED, actor, is_complete=True)

    def _end(self, state: RunState, message: str, actor: str, *, is_complete: bool) -> bool:
        self.state, self.message = state, message
        self.is_complete = is_complete and self.is_complete is not False
        self.phase = self.token = None
        return self._note(str(state), actor)

    def release(self, token: UUID | None, actor: str, *, never_started: bool) -> bool:
        """running -> queued, when nothing of it has run."""
        may_have_run = (self.leader is not None and not never_started) or self.phase == "playing"
        if not self.is_held_by(token) or may_have_run or self.stop_by is not None:
            return False
        self._wait()
        self.leader, self.survivors = None, []
        self.attempt -= 1
        return self._note("released", actor)

    def requeue(self, token: UUID | None, actor: str, **output: bool) -> bool:
        """running -> queued, with what it has printed."""
        if not self.is_held_by(token) or self.stop_by is not None:
            return False
        self._wait()
        self.leader, self.survivors = None, []
        self.is_complete = None if output["complete"] and self.is_complete is None else False
        self.is_truncated |= output["truncated"]
        return self._note("requeued", actor)

    def adopt(self, seen: UUID | None, actor: str, token: UUID) -> bool:
        """Another has the lease."""
        if not self.is_held_by(seen):
            return False
        self.holder, self.token, self.lease_is_out = actor, token, False
        return self._note("adopted", actor)

    def renew(self, token: UUID | None) -> bool:
        """The lease is as new."""
        if not self.is_held_by(token):
            return False
        self.lease_is_out = False
        return True

    def record_late(self, attempt: int, result: dict[str, Any]) -> bool:
        """What came too late, once, of its last attempt."""
        if not self.state.is_final or self.late is not None or self.attempt != attempt:
            return False
        self.late = result
        return self._note("late_result", self.runner)

    def columns(self) -> Iterator[tuple[str, Any]]:
        """What its row must say."""
        is_running = self.state is RunState.RUNNING
        yield from {
            "state": self.state,
            "phase": self.phase,
            "lease_token": self.token,
            "runner": self.runner,
            "holder": self.holder,
            "attempt": self.attempt,
            "leader_pid": self.leader,
            "stop_requested_by": self.stop_by,
            "stop_reason": self.stop_reason,
            "force_requested_by": self.force_by,
            "stop_outcome": self.outcome,
            "message": self.message,
            "exit_code": self.exit_code,
            "playbook_sha": self.playbook_sha,
            "survivors": self.survivors,
            "output_bytes": len(self.output),
            "output_complete": self.is_complete,
            "output_truncated": self.is_truncated,
            "late_result": self.late,
            "stale": is_running and self.lease_is_out,
            "is_final": self.state.is_final,
            "is_stopping": is_running and self.stop_by is not None,
        }.items()
