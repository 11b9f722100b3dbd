"""How far a run is: made of its events and of its row. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.cli import words
from app.cli.safe import plain

BAD = ("failed", "unreachable")


@dataclass
class Progress:
    """What is known of a run while it plays."""

    run: dict[str, Any]
    #: What runs of its template take, in seconds; None if nobody knows.
    usual: float | None = None
    task: dict[str, Any] | None = None
    hosts: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    #: The hosts that are done with the present task.
    done: set[str] = field(default_factory=set)
    #: Why the connection is lost; None while it is there.
    lost: str | None = None

    def take(self, kind: str, detail: Mapping[str, Any]) -> None:
        """Take an event."""
        if kind == "state":
            self.run = dict(detail)
        elif kind == "task":
            self.task = dict(detail)
            self.done = set()
        elif kind == "result":
            self._take_result(detail)

    def _take_result(self, detail: Mapping[str, Any]) -> None:
        host = str(detail["host"])
        self.hosts.add(host)
        if self.task is None or detail["task"] == self.task.get("number"):
            self.done.add(host)
        if detail["status"] in BAD and not detail.get("ignored") and not detail.get("rescued"):
            self.failed.add(host)

    def sentence(self, now: datetime) -> str:
        """The run, its state, and how long it takes against the usual time."""
        head = f"run {self.run['id']} {self.run['template']}: "
        if self.lost is not None:
            return plain(f"{head}last seen {words.state(self.run)}")
        head += words.sentence(self.run, now)
        if self.usual is not None and not words.is_final(self.run):
            head += f" (usually {words.span(self.usual)})"
        return plain(head)

    def detail(self) -> str:
        """The task that is played, and how its hosts fare."""
        if self.lost is not None:
            return plain(f"connection lost, trying again: {self.lost}")
        parts = []
        if self.task is not None:
            parts.append(f"task {self.task.get('number', '?')}: {self.task.get('name') or '?'}")
        if self.hosts:
            parts.append(f"{len(self.done):,} of {words.count(len(self.hosts), 'host')} done")
        if self.failed:
            parts.append(f"{len(self.failed):,} failed")
        return plain(" · ".join(parts))

    def share(self, now: datetime) -> float | None:
        """How much of the usual time has passed, from 0 to 1; None if that is not known."""
        seconds = words.duration(self.run, now)
        if not self.usual or seconds is None:
            return None
        return min(seconds / self.usual, 1.0)
