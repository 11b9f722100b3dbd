"""What is answered to whoever asks what a rerun would find, as models."""

from pydantic import Field, JsonValue

from app.api.answers import Answer, FaultAnswer
from runner.difference import COMMITS, FILES, Relation


class PlaceAnswer(Answer):
    """Where a source is."""

    repository: str
    ref: str
    path: str
    sha: str | None = Field(description="null when it was never resolved, or cannot be now")


class CommitAnswer(Answer):
    """A commit."""

    sha: str
    author: str
    at: str = Field(description="the author's time")
    subject: str


class FileAnswer(Answer):
    """A file that is not as it was."""

    path: str
    status: str = Field(description="added, modified, deleted, renamed or retyped")
    was: str | None = Field(description="what it was called, if it was renamed")


class DifferenceAnswer(Answer):
    """What lies between two commits."""

    relation: Relation = Field(
        description="how now is to then; diverged: history was rewritten, and each has commits "
        "that the other has not"
    )
    base: str | None = Field(
        description="the newest commit that both have where they diverged; null: they have none"
    )
    commits: list[CommitAnswer] = Field(
        description=f"those of now that then had not, the newest {COMMITS}"
    )
    commits_cut: bool
    dropped: list[CommitAnswer] = Field(
        description=f"those of then that now has no more, the newest {COMMITS}"
    )
    dropped_cut: bool
    files: list[FileAnswer] = Field(description=f"the first {FILES}, of the whole repository")
    files_cut: bool


class ReasonAnswer(Answer):
    """Why something cannot be told."""

    code: str
    message: str


class SourceAnswer(Answer):
    """A playbook's or an inventory's repository, then and now."""

    then: PlaceAnswer | None = Field(description="null when it was in no repository of its own")
    now: PlaceAnswer | None = Field(description="null when it is in none by now")
    difference: DifferenceAnswer | None = Field(description="null when it cannot be told")
    untold: ReasonAnswer | None = Field(
        description="why the commit of now or the difference cannot be told"
    )


class ChangeAnswer(Answer):
    """A field of the template that is not what it was."""

    path: str
    then: JsonValue = Field(description="null when it was not there; long texts are cut")
    now: JsonValue


class FailedHostsAnswer(Answer):
    """The hosts that a rerun with `failed` would play on."""

    count: int
    hosts: list[str] = Field(description="the first of them by name, at most 500")
    untold: str | None = Field(description="why there are none to be had")


class RerunPreview(Answer):
    """What a rerun would find."""

    run: int
    playbook: SourceAnswer
    inventory: SourceAnswer | None = Field(
        description="null when it neither was nor is in a repository of its own"
    )
    template: list[ChangeAnswer] | None = Field(
        description="what `newest` would change of it; null when it was deleted"
    )
    refusals: list[FaultAnswer] = Field(
        description="what `newest` would be refused for: a template that was deleted, variables "
        "and overrides that do not fit it any more, credentials that do not fit"
    )
    same_refusals: list[FaultAnswer] = Field(
        description="what `same` would be refused for: credentials that are gone or do not fit "
        "any more, secrets that cannot be read"
    )
    failed_hosts: FailedHostsAnswer
