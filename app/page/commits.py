"""The commits that a run used, beside those of its template's run before it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.page.links import commit_url, compare_url
from runner.run import Run
from runner.store.neighbours import Earlier


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One repository of a run."""

    #: playbook or inventory.
    name: str
    repository: str
    ref: str
    path: str
    #: None until it is checked out.
    sha: str | None
    url: str | None
    #: That of the run before; None if it was in another repository, or there was none.
    earlier_sha: str | None
    #: What lies between them, at the repository's host.
    compare_url: str | None

    @property
    def has_moved(self) -> bool:
        """Whether it is another than before."""
        return self.sha is not None and self.earlier_sha not in (None, self.sha)


def commits(run: Run, earlier: Earlier | None) -> list[Commit]:
    """Tell the commits of *run*."""
    return list(_commits(run, earlier))


def _commits(run: Run, earlier: Earlier | None) -> Iterator[Commit]:
    inventory = run.spec.get("inventory", {})
    before = earlier.playbook_sha if earlier else None
    yield _commit("playbook", run.spec["playbook"], run.playbook_sha, before)
    if "repository" in inventory:
        before = earlier.inventory_sha if earlier else None
        yield _commit("inventory", inventory, run.inventory_sha, before)


def _commit(name: str, source: dict[str, str], sha: str | None, earlier: str | None) -> Commit:
    repository = source["repository"]
    has_moved = sha is not None and earlier is not None and earlier != sha
    return Commit(
        name=name,
        repository=repository,
        ref=source.get("ref", "HEAD"),
        path=source["path"],
        sha=sha,
        url=commit_url(repository, sha) if sha else None,
        earlier_sha=earlier,
        compare_url=compare_url(repository, earlier, sha)
        if has_moved and sha and earlier
        else None,
    )
