"""What a run is and how its end is judged. Knows no database, no process and no queue."""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID


class RunState(StrEnum):
    """Where a run stands."""

    # Only the moves in runner/store change it.

    #: Committed, waiting for a slot. claim -> running; a stop or the queue time-out ends it.
    QUEUED = "queued"
    #: A runner holds it by a lease. Its processes live, or are being started or ended.
    RUNNING = "running"
    #: The playbook ended by itself with exit code 0.
    SUCCEEDED = "succeeded"
    #: It ended by itself with another code, could not be started, or was killed by a stranger.
    FAILED = "failed"
    #: Somebody asked for a stop, and none of its processes is alive on the runner's machine.
    STOPPED = "stopped"
    #: Its time limit passed and it was ended.
    TIMED_OUT = "timed_out"
    #: Its runner was shut down or died, and the family was ended because of that.
    INTERRUPTED = "interrupted"
    #: Its runner vanished and nobody can know how it ended.
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        """Whether nothing may change the row any more."""
        return self not in (RunState.QUEUED, RunState.RUNNING)


FINAL = tuple(state for state in RunState if state.is_final)


class Trigger(StrEnum):
    """Why a run exists."""

    API = "api"
    HOOK = "hook"
    CHAT = "chat"
    SCHEDULE = "schedule"
    RERUN = "rerun"
    RETRY = "retry"
    CHAIN = "chain"
    #: What a version to come calls otherwise. Its runs are to be played, stopped and seen by
    #: processes of this one while an upgrade is under way; it is never stored.
    OTHER = "other"

    @classmethod
    def of(cls, stored: str) -> Self:
        """Read what a row has."""
        try:
            return cls(stored)
        except ValueError:
            return cls(cls.OTHER)


class StopOutcome(StrEnum):
    """What came of a stop request."""

    #: It was stopped before the playbook was started.
    NEVER_STARTED = "never_started"
    #: Asking and SIGTERM were enough.
    TERMINATED = "terminated"
    #: SIGKILL was needed or asked for.
    KILLED = "killed"
    #: The playbook had already ended by itself.
    TOO_LATE = "too_late"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One execution of one template, as its row tells it."""

    id: int
    template: str
    #: The template as it was when the run was triggered.
    spec: dict[str, Any]
    #: The caller's variables with the defaults of `accepts`, without the secret ones.
    accepted: dict[str, Any]
    #: The secret ones, encrypted; None when there are none.
    secrets: bytes | None
    #: The options that the caller has overridden.
    overrides: dict[str, Any]
    trigger: Trigger
    triggered_by: str
    #: What the one who triggered it said of it.
    reason: str | None
    #: The hook that it comes from: {name, sender, delivery, event, ref, sha, actor, repository}.
    hook: dict[str, Any] | None
    #: The schedule that it comes from: {name, due}.
    schedule: dict[str, Any] | None
    #: The run that it repeats.
    rerun_of: int | None
    #: The only hosts that it plays on; None: all that its inventory and its limit name.
    only_hosts: list[str] | None
    #: Whose runners take it.
    queue: str
    #: The higher, the sooner it is taken; see runner.concurrency.Priority.
    priority: int
    #: What it shares with others of which few may run at once; None without one.
    concurrency_group: str | None
    #: How many of them.
    group_limit: int | None
    #: It is not taken before; None: as soon as it can be.
    not_before: datetime | None
    #: The first of the runs that it retries, and which retry of that it is; None if it is none.
    retry_of: int | None
    retry_number: int | None
    #: The run whose template's `then` has it run; None if none has.
    chained_from: int | None
    #: How many runs are before it in that chain, and which is the first; None if it is in none.
    chain_depth: int
    chain_root: int | None
    #: Whether somebody must approve of it before it starts (wanted), or has; None if nobody need.
    approval: str | None
    approval_expires_at: datetime | None
    approved_at: datetime | None
    approved_by: str | None
    #: Where the chat command that triggered it is answered, encrypted; None without one.
    reply: bytes | None
    #: The span of the request that triggered it, as W3C's Trace Context writes it.
    traceparent: str | None
    #: What an Idempotency-Key was first used for; None without a key.
    request_digest: bytes | None
    queued_at: datetime
    #: When it fails if no runner has claimed it; None waits for ever.
    queue_expires_at: datetime | None
    state: RunState
    #: "preparing" or "playing" while it is running, else None.
    phase: str | None
    #: How it ended, in a sentence.
    message: str | None
    claimed_at: datetime | None
    playing_at: datetime | None
    finished_at: datetime | None
    #: How often it was claimed.
    attempt: int
    #: The runner that holds it, or held it last.
    runner: str | None
    #: Who has the lease: the runner, or the watchdog that settles a dead runner's run.
    holder: str | None
    machine: str | None
    #: Boot and PID namespace of the machine: pids mean nothing in another one.
    boot: str | None
    lease_token: UUID | None
    lease_expires_at: datetime | None
    heartbeat_at: datetime | None
    #: The run's directory on its runner's machine.
    directory: str | None
    leader_pid: int | None
    #: Start time of the leader in clock ticks since boot: tells a reused pid.
    leader_created: int | None
    keeper_pid: int | None
    #: When someone first asked it to stop; it may still be running.
    stop_requested_at: datetime | None
    stop_requested_by: str | None
    stop_reason: str | None
    force_requested_at: datetime | None
    force_requested_by: str | None
    stop_outcome: StopOutcome | None
    #: Seconds from the first request until the family was gone.
    stop_seconds: float | None
    #: Members of the family that would not die: [{pid, uid, command}].
    survivors: list[dict[str, Any]]
    #: Hosts on which a task or an async job was in flight when its family was gone; None while it
    #: plays, and when that is not known.
    may_continue_on: list[str] | None
    #: Async jobs that its template lets outlive it: [{pid, created, sid, command}].
    left_running: list[dict[str, Any]]
    #: Of how many hosts there are results; None until final, and when they are not known.
    host_count: int | None
    exit_code: int | None
    playbook_sha: str | None
    inventory_sha: str | None
    output_bytes: int
    #: Whether every byte that the family wrote is stored; None until final.
    output_complete: bool | None
    output_truncated: bool
    #: How it is kept since the run is final: plain, compressed or gone.
    output_kept: str
    #: Whether all that our plugin told of tasks and hosts is stored; None until final, and where
    #: there was no plugin to tell.
    events_complete: bool | None
    #: Whether what it told is still kept.
    events_kept: bool
    #: What a runner reported after the row was final: kept beside it, never over it.
    late_result: dict[str, Any] | None
    #: Its lease has run out: what the row says of its processes is stale.
    stale: bool

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Make a run of a row with all columns."""
        values = {name: row[name] for name in COLUMNS}
        values["state"] = RunState(row["state"])
        values["trigger"] = Trigger.of(row["trigger"])
        values["stop_outcome"] = row["stop_outcome"] and StopOutcome(row["stop_outcome"])
        return cls(**values)

    @property
    def is_final(self) -> bool:
        """Whether nothing may change it any more."""
        return self.state.is_final

    @property
    def may_be_taken(self) -> bool:
        """Whether it waits for nothing but its turn and a slot, as far as is known here."""
        return self.approval != "wanted" and self.not_before is None

    @property
    def is_stopping(self) -> bool:
        """Whether a stop was asked for and its family is not yet known to be gone."""
        return self.state is RunState.RUNNING and self.stop_requested_at is not None

    @property
    def options(self) -> dict[str, Any]:
        """The template's options with the caller's overrides over them."""
        return {**self.spec.get("options", {}), **self.overrides}


#: What a row has of a run; named once, since lists make many runs.
COLUMNS = tuple(field.name for field in fields(Run))
