"""What the API answers of what a playbook has told of itself."""

from typing import Literal, Self

from pydantic import Field

from app.api.answers import Answer, EventAnswer, UtcTime
from runner.store.events import RunEvent
from runner.store.feed import Event, Note
from runner.store.hosts import HostProgress
from runner.store.results import StoredResult
from runner.store.tasks import StoredTask

Status = Literal["ok", "changed", "failed", "skipped", "unreachable"]
HostState = Literal["running", "ok", "changed", "failed", "unreachable", "skipped"]


class ResultAnswer(Answer):
    """What came of a task on a host."""

    id: int
    at: UtcTime
    kind: Literal["result"] = "result"
    task: int = Field(description="the number of the task")
    host: str
    status: Status
    ignored: bool = Field(description="it failed, and the playbook goes on all the same")
    rescued: bool = Field(description="it failed within a block that has a rescue")
    seconds: float | None
    items: int | None = Field(description="of a loop; null without one")
    attempts: int | None = Field(description="of a task that is retried; null when it is not")
    message: str | None = Field(description="why it failed, up to 500 characters")
    diff: str | None = Field(description="what it has changed, where the task shows that")

    @classmethod
    def of(cls, result: StoredResult) -> Self:
        """Show *result*."""
        seconds = None if result.seconds is None else round(result.seconds, 3)
        told = {name: result.detail.get(name) for name in ("items", "attempts", "message", "diff")}
        return cls.model_validate({**result._asdict(), **told, "seconds": seconds})


class NoteAnswer(Answer, extra="allow"):
    """A play, a task, a warning, a deprecation, the sums at the end, or what was dropped."""

    id: int
    at: UtcTime
    kind: Literal["play", "task", "warning", "deprecation", "stats", "dropped"]
    attempt: int

    @classmethod
    def of(cls, note: Note) -> Self:
        """Show *note*."""
        return cls.model_validate({**note.detail, "id": note.id, "at": note.at, "kind": note.kind})


AnyEvent = EventAnswer | ResultAnswer | NoteAnswer


def shown(event: Event) -> AnyEvent:
    """Show any event."""
    match event:
        case RunEvent():
            return EventAnswer.of(event)
        case StoredResult():
            return ResultAnswer.of(event)
        case Note():
            return NoteAnswer.of(event)


class EventPage(Answer):
    """Events in their order."""

    events: list[AnyEvent]
    dropped: int = Field(description="events beyond the limit of one run, which are only counted")
    next: str | None = Field(description="where the next page is; null on the last")


class CellAnswer(Answer):
    """What came of a task on a host, in short."""

    id: int
    task: int
    host: str
    status: Status
    ignored: bool
    seconds: float | None
    items: int | None
    message: str | None


class ResultPage(Answer):
    """Results in their order."""

    results: list[CellAnswer]
    dropped: int = Field(description="events beyond the limit of one run, which are only counted")
    next: str | None = Field(description="where the next page is; null on the last")


class TaskAnswer(Answer):
    """A task, and what came of it."""

    number: int = Field(description="from 1 within the run; a later attempt goes on counting")
    attempt: int
    play: str
    name: str
    action: str
    path: str = Field(description="file and line; within the project, if it is there")
    began_at: UtcTime
    ended_at: UtcTime | None = Field(description="when its last result came; null before the first")
    seconds: float | None = Field(description="from the one to the other")
    ok: int
    changed: int
    failed: int
    skipped: int
    unreachable: int
    ignored: int
    rescued: int
    hosts: int = Field(description="how many results there are")

    @classmethod
    def of(cls, task: StoredTask) -> Self:
        """Show *task*."""
        return cls.model_validate(task._asdict())


class TaskPage(Answer):
    """Tasks, in the order asked for."""

    tasks: list[TaskAnswer]
    next: str | None = Field(description="where the next page is; null on the last")


class LastTaskAnswer(Answer):
    """The last task of a host."""

    number: int
    name: str | None


class HostAnswer(Answer):
    """How many of a host's tasks ended in which way."""

    host: str
    state: HostState = Field(description="running while a task is; else the worst that came of one")
    ok: int
    changed: int
    unreachable: int
    failed: int
    skipped: int
    rescued: int
    ignored: int
    task: LastTaskAnswer | None = Field(description="the last one; null when that is not known")
    seconds: float | None = Field(description="that its tasks took")
    at: UtcTime | None = Field(description="when something was told of it last")

    @classmethod
    def of(cls, told: HostProgress) -> Self:
        """Show *told*."""
        task = told.task and {"number": told.task, "name": told.name}
        return cls.model_validate({**told._asdict(), "task": task})


class HostPage(Answer):
    """Hosts by name."""

    known: bool = Field(
        description="whether Ansible itself has told what came of them: false until the run is "
        "final, and of a run that did not end by itself. Until then it is what was seen so far"
    )
    hosts: list[HostAnswer]
    next: str | None = Field(description="where the next page is; null on the last")
