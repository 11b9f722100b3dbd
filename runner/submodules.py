"""The files of a tree's submodules, and of theirs, each in its place.

Done by ourselves, for `git submodule` executes what a repository tells it to. Each is a commit like
any other, in a store of its own, and is fetched only when it is not here.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from runner.access import Access
from runner.advice import reserved
from runner.checkout import Tree, checkout, own_disk, read_commit
from runner.errors import CheckoutFailed
from runner.git_home import remove
from runner.git_store import Store
from runner.gitmodules import Submodule, find, refused
from runner.remote import origin

DEEPEST = 5  # submodules in submodules; commits cannot lead in a circle, but a long way
MOST = 500  # in one tree: a hundred in each, five deep, would be 10,000,000,000


@dataclass
class Nest:
    """A tree that is checked out, and its submodules that are not yet."""

    cache: Path
    tree: Tree
    protocols: tuple[str, ...]
    #: What opened the tree's own repository.
    access: Access | None = None
    #: How many there may still be.
    left: int = MOST

    def fill(self) -> None:
        """Write the files of each to its place. Raise CheckoutFailed naming the one that fails."""
        try:
            with own_disk():
                self._fill(self.tree, DEEPEST)
        finally:
            remove(self._stage)

    @property
    def _stage(self) -> Path:
        """Where each is written first: beside the tree, where no link of the tree leads."""
        return self.tree.root.with_name(f"{self.tree.root.name}.submodule")

    def _fill(self, parent: Tree, depth: int) -> None:
        store = Store(self.cache, parent.url, self.protocols, self._access(parent.url))
        found = read_commit(store, parent.sha, lambda here: find(here, parent, self.protocols))
        self.left -= len(found)
        if found and not depth:
            raise refused(f"submodules are nested more than {DEEPEST} deep")
        if self.left < 0:
            raise refused(f"there are more than {MOST} submodules")
        for each in found:
            try:
                self._fill(self._check_out(parent, each), depth - 1)
            except CheckoutFailed as error:
                why = f"submodule {each.path!r}: {error}{self._advice(each.url, error)}"
                raise CheckoutFailed(why, error.code) from error

    def _check_out(self, parent: Tree, each: Submodule) -> Tree:
        access = self._access(each.url)
        tree = checkout(self.cache, each.url, each.sha, self._stage, self.protocols, access)
        place = parent.root / each.path
        if not is_empty_directory(place, below=parent.root):
            raise refused("its place in the tree is taken, or leads through a symlink")
        tree.root.rename(place)
        return Tree(place, each.url, each.sha)

    def _advice(self, url: str, error: CheckoutFailed) -> str:
        """Say why *url* was asked without the credential, if it was and that mattered."""
        if error.code != "auth_failed" or self.access is None or self._access(url):
            return ""
        return reserved(self.access.credential, self.tree.url)

    def _access(self, url: str) -> Access | None:
        """Take the credential only to the server that it opened the tree's repository for."""
        return self.access if origin(url) == origin(self.tree.url) else None


def is_empty_directory(place: Path, *, below: Path) -> bool:
    """Tell if *place* is as git has made it for a submodule, and no symlink leads to it."""
    real = Path(os.path.realpath(below)) / place.relative_to(below)
    return Path(os.path.realpath(place)) == real and place.is_dir() and not any(place.iterdir())
