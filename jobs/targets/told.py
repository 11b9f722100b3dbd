"""What is told of a run on one occasion, whatever the target."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runner.run import FINAL, Run, RunState
from runner.store.outbox import Notification

#: How occasions are said, behind the name of a run.
SAID = {
    "started": "has started",
    "succeeded": "has succeeded",
    "failed": "has failed",
    "stopped": "was stopped",
    "timed_out": "has timed out",
    "interrupted": "was interrupted",
    "lost": "is lost",
    "stuck": "is stuck stopping",
    "approval": "waits for approval",
    "ends_soon": "is about to reach its time limit",
    "slow": "takes longer than it usually does",
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """An event of a run, for one target."""

    event_id: int
    #: Its place among the targets; -1: the run's reply.
    target: int
    occasion: str
    #: When the event was.
    at: datetime
    #: The run's state after it.
    state: str
    #: The run as it is now, which may be later.
    run: Run
    #: Where people see it; None when nobody has said where that is.
    link: str | None
    now: datetime

    @classmethod
    def of(cls, notification: Notification, *, url: str | None, now: datetime) -> "Told":
        """Tell of *notification*; *url* is where web is, *now* is for signatures."""
        run = notification.run
        link = f"{url.rstrip('/')}/runs/{run.id}" if url else None
        return cls(
            event_id=notification.event_id,
            target=notification.target,
            occasion=notification.occasion,
            at=notification.at.astimezone(UTC),
            state=notification.state,
            run=run,
            link=link,
            now=now,
        )

    @property
    def key(self) -> str:
        """Tells this from every other thing told, and is the same in every attempt."""
        place = "reply" if self.target < 0 else self.target
        return f"run_{self.run.id}_{self.occasion}_{self.event_id}_{place}"

    @property
    def is_end(self) -> bool:
        """Whether it tells of the run's end."""
        return self.state in FINAL

    @property
    def is_outdated(self) -> bool:
        """Whether the run has ended since."""
        return self.run.is_final and not self.is_end

    def commit_of(self, repository: str) -> str | None:
        """The commit of *repository* that a status is set on; None while nobody knows it.

        That which was pushed to it, if that is why the run is: the playbook may be of another one.
        """
        hook = self.run.hook or {}
        if hook.get("sha") and str(hook.get("repository")).lower() == repository.lower():
            return str(hook["sha"])
        return self.run.playbook_sha

    @property
    def title(self) -> str:
        """What happened, in a line."""
        return f"{self.run.template}: run {self.run.id} {SAID[self.occasion]}"

    def data(self) -> dict[str, Any]:
        """The run in short, as the API calls things, as it was on this occasion."""
        run = self.run
        return {
            "id": run.id,
            "template": run.template,
            "state": self.state,
            "stopping": self.state == RunState.RUNNING and run.stop_requested_at is not None,
            "message": run.message if self.is_end else None,
            "trigger": run.trigger,
            "triggered_by": run.triggered_by,
            "reason": run.reason,
            "rerun_of": run.rerun_of,
            "attempt": run.attempt,
            "exit_code": run.exit_code if self.is_end else None,
            "playbook_sha": run.playbook_sha,
            "inventory_sha": run.inventory_sha,
            "queued_at": _written(run.queued_at),
            "claimed_at": _written(run.claimed_at),
            "playing_at": _written(run.playing_at),
            "finished_at": _written(run.finished_at) if self.is_end else None,
            "link": self.link,
        }


def _written(time: datetime | None) -> str | None:
    return time.astimezone(UTC).isoformat() if time else None
