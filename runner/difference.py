"""What lies between two commits, as it is told."""

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

COMMITS: Final = 100  # that are named on each side
FILES: Final = 500  # that are named

Relation = Literal["same", "ahead", "behind", "diverged"]


@dataclass(frozen=True)
class Commit:
    """One commit, as its author calls it."""

    sha: str
    author: str
    #: The author's time, RFC 3339.
    at: str
    subject: str


@dataclass(frozen=True)
class File:
    """One file that is not as it was."""

    path: str
    status: str
    #: What it was called, if it was renamed.
    was: str | None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What *now* has that *then* had not, and the other way round."""

    #: How now is to then: ahead of it, behind it, or both, as after a forced push.
    relation: Relation
    #: The newest commit that both have, where they have diverged; None: nothing in common.
    base: str | None
    #: The newest commits of now that then had not.
    commits: list[Commit]
    commits_cut: bool
    #: The newest commits of then that now has no more.
    dropped: list[Commit]
    dropped_cut: bool
    files: list[File]
    files_cut: bool

    def told(self) -> dict[str, Any]:
        """Write it as JSON has it."""
        return asdict(self)
