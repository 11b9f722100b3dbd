"""What lies between two commits of a repository: how they are related, commits and files.

Git is asked for names and subjects only, in a store that has no configuration and no attributes of
the repository, so nothing of it is executed.
"""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from runner.checkout import read_commit
from runner.difference import COMMITS, FILES, Commit, Difference, File, Relation
from runner.errors import CheckoutFailed
from runner.git import git_in
from runner.git_store import Store

log = logging.getLogger(__name__)

RENAMES: Final = "-l1000"  # files among which renamed ones are looked for by what is in them

STATUSES: Final = {
    "A": "added",
    "M": "modified",
    "D": "deleted",
    "R": "renamed",
    "T": "retyped",  # a link where a file was, a submodule where a directory was
}


def compare(store: Store, then: str, now: str) -> Difference:
    """Compare two commits, fetching what is not here; mend a broken store. Raise CheckoutFailed."""

    def look(here: Path) -> Difference:
        store.bring(now)
        store.bring(then)
        return differ(here, then, now)

    return read_commit(store, now, look)


def differ(store: Path, then: str, now: str) -> Difference:
    """Tell what lies between two commits that are here."""
    commits, commits_cut = list_commits(store, then, now)
    dropped, dropped_cut = list_commits(store, now, then)
    relation = relate(then, now, has_more=bool(commits), has_less=bool(dropped))
    files, files_cut = changed(store, then, now)
    return Difference(
        relation=relation,
        base=merge_base(store, then, now) if relation == "diverged" else None,
        commits=commits,
        commits_cut=commits_cut,
        dropped=dropped,
        dropped_cut=dropped_cut,
        files=files,
        files_cut=files_cut,
    )


def relate(then: str, now: str, *, has_more: bool, has_less: bool) -> Relation:
    """Tell how *now* is to *then*, by the commits that each has and the other has not."""
    if then == now:
        return "same"
    if not has_less:
        return "ahead"
    return "diverged" if has_more else "behind"


def merge_base(store: Path, then: str, now: str) -> str | None:
    """The newest commit that both have; of several, after crossed merges, git's first choice."""
    try:
        return git_in(store, "merge-base", then, now).strip()
    except CheckoutFailed as error:
        log.debug("no merge base: %s", error)  # a store that is broken has failed before
        return None


def list_commits(store: Path, old: str, new: str) -> tuple[list[Commit], bool]:
    """The newest commits that *new* has and *old* has not, and whether there are more."""
    form = "--format=%H%x00%an%x00%aI%x00%s"
    raw = git_in(store, "log", "-z", f"-n{COMMITS + 1}", form, f"{old}..{new}", "--")
    fields = [readable(field) for field in raw.split("\0")]
    commits = [Commit(*each) for each in zip(*[iter(fields)] * 4, strict=False)]
    return commits[:COMMITS], len(commits) > COMMITS


def changed(store: Path, then: str, now: str) -> tuple[list[File], bool]:
    """The files that are not as they were, and whether there are more."""
    words = ("-r", "-z", "-M", RENAMES, "--name-status")
    raw = git_in(store, "diff-tree", *words, then, now, "--")
    files = list(read_files(raw))
    return files[:FILES], len(files) > FILES


def read_files(raw: str) -> Iterator[File]:
    """Read `status NUL path NUL`; a renamed file has its old path first."""
    fields = iter(raw.split("\0")[:-1])
    for status in fields:
        was = readable(next(fields)) if status.startswith("R") else None
        path = readable(next(fields))
        yield File(path, STATUSES.get(status[:1], status), was)


def readable(text: str) -> str:
    """Replace what is no UTF-8: git's bytes come as halves of surrogate pairs."""
    return text.encode(errors="surrogateescape").decode(errors="replace")
