"""The commits of one repository on this machine, shared by every run that wants one of them.

A store is bare, has no remote and no branches, only a ref refs/pins/<sha> for each commit that
was fetched whole: git writes it after its check of completeness, while `cat-file -e` said yes to
5 of 120 fetches that had been killed halfway. Its place and its locks are in runner.git_home.
"""

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from runner import git_home
from runner.access import Access
from runner.errors import CheckoutFailed
from runner.git import ENVIRONMENT, ask_remote, git, git_in

T = TypeVar("T")

FETCH_SECONDS = 600.0
FETCH = ("fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--no-auto-maintenance")
EVERYTHING = ("+refs/heads/*:refs/all/heads/*", "+refs/tags/*:refs/all/tags/*")
LEFTOVERS = ("*.lock", "refs/**/*.lock", "objects/**/tmp_*", "objects/pack/.tmp-*")
MOST_PACKS = 40  # one a fetch; with 54 of them a fetch took 1.6 times as long as with one
#: Joins small packs and leaves a large one alone: the run that finds too many pays for no more.
REPACK = ("repack", "--geometric=2", "-d", "--quiet")

#: Inode and mtime of a store's HEAD: they tell a store from the one that replaced it.
Generation = tuple[int, int]


@dataclass(frozen=True)
class Store:
    """The object store of *url* below *cache*."""

    cache: Path
    url: str
    protocols: tuple[str, ...]
    access: Access | None = None

    @property
    def home(self) -> Path:
        """Where the store and its locks are. Another URL is another store, always.

        So is another credential: what one may fetch is not given to a template without it.
        """
        key = f"{self.url}\0{self.access.scope}" if self.access else self.url
        return self.cache / hashlib.sha256(key.encode()).hexdigest()[:32]

    @property
    def path(self) -> Path:
        """The bare repository."""
        return self.home / git_home.STORE

    @contextlib.contextmanager
    def use(self) -> Iterator[None]:
        """Share the store with others that read it; it is neither replaced nor evicted."""
        git_home.make(self.home)
        with git_home.use(self.home):
            os.utime(self.home)  # when it was last of use
            yield

    def read(self, sha: str, look: Callable[[Path], T]) -> T:
        """Look at the bare repository for the pinned *sha*, fetching it only when it is not here.

        Only within `use`. *look* is called again if it says not_pinned.
        """
        if self.path.exists():
            try:
                return look(self.path)
            except CheckoutFailed as error:
                if error.code != "not_pinned":
                    raise
        self._pin(sha)
        return look(self.path)

    def bring(self, sha: str) -> None:
        """Have *sha* here whole, fetching it only when it is not. Whoever calls uses the store."""
        if not (self.path.exists() and is_pinned(self.path, sha)):
            self._pin(sha)

    def generation(self) -> Generation | None:
        """Tell this store from the next. None: there is none."""
        try:
            head = (self.path / "HEAD").stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return head.st_ino, head.st_mtime_ns

    def rebuild(self, sha: str, broken: Generation | None) -> None:
        """Replace the *broken* store by a new one with *sha*, unless another run has done so.

        The old one stays when the fetch fails: others may still find their commits in it.
        """
        with git_home.use(self.home, fcntl.LOCK_EX), git_home.fetching(self.home) as descriptor:
            if self.generation() != broken:
                return
            new = self._create(sha)
            self._fetch(new, sha, descriptor)
            git_home.put_aside(self.home)
            new.rename(self.path)
            git_home.remove_asides(self.home)

    def _pin(self, sha: str) -> None:
        with git_home.fetching(self.home) as descriptor:
            git_home.remove_asides(self.home)
            if not self.path.exists():
                new = self._create(sha)
                git_home.put_aside(self.home)  # a symlink that leads nowhere
                new.rename(self.path)
            sweep(self.path)
            if not pin_known(self.path, sha):
                self._fetch(self.path, sha, descriptor)
                self._repack(descriptor)

    def _create(self, sha: str) -> Path:
        """Make an empty store aside: a killed `init` leaves half a repository."""
        new = git_home.aside(self.home)
        kind = "sha256" if len(sha) == 64 else "sha1"
        git("init", "--quiet", "--bare", "--template=", f"--object-format={kind}", new)
        return new

    def _repack(self, descriptor: int) -> None:
        """Join the packs of many fetches. Readers need not wait for it."""
        if sum(1 for _ in self.path.glob("objects/pack/*.pack")) <= MOST_PACKS:
            return
        here = ENVIRONMENT | {"GIT_DIR": str(self.path)}
        with contextlib.suppress(CheckoutFailed):  # the commit is here: that is what the run wants
            git("pack-refs", "--all", environment=here, keep=(descriptor,))
            git(*REPACK, environment=here, keep=(descriptor,))

    def _fetch(self, store: Path, sha: str, descriptor: int) -> None:
        """Fetch and pin *sha*. Git inherits the lock: orphaned, it still keeps others out."""

        def fetch(*refs: str) -> None:
            ask_remote(
                self.url,
                self.protocols,
                *(*FETCH, "--", self.url, *refs),
                seconds=FETCH_SECONDS,
                access=self.access,
                keep=(descriptor,),
                GIT_DIR=str(store),
            )

        try:
            fetch(f"+{sha}:{pin(sha)}")
        except CheckoutFailed as error:
            sweep(store)
            if error.code != "ref_not_found":
                raise
            # An old server gives only what a branch or a tag leads to.
            fetch(*EVERYTHING)
            pin_fetched(store, sha)


def pin(sha: str) -> str:
    """Name the ref that says *sha* is here whole."""
    return f"refs/pins/{sha}"


def is_pinned(store: Path, sha: str) -> bool:
    """Whether *sha* is known to be here whole."""
    try:
        git_in(store, "rev-parse", "--verify", "--quiet", f"{pin(sha)}^{{commit}}")
    except CheckoutFailed:
        return False  # or the store is broken: the fetch will tell
    return True


def pin_known(store: Path, sha: str) -> bool:
    """Pin *sha* without network when a commit that is here whole leads to it."""
    try:
        if not git_in(store, "for-each-ref", "--count=1", "--contains", sha, "refs/pins"):
            return False
        git_in(store, "update-ref", pin(sha), sha)
    except CheckoutFailed:
        return False  # not here at all, or the store is broken: the fetch will tell
    return True


def pin_fetched(store: Path, sha: str) -> None:
    """Pin *sha*. Raise CheckoutFailed when all branches and tags did not bring it."""
    try:
        git_in(store, "rev-parse", "--verify", "--quiet", f"{sha}^{{commit}}")
    except CheckoutFailed as error:
        nowhere = f"commit {sha} is in no branch or tag"
        raise CheckoutFailed(nowhere, "ref_not_found") from error
    git_in(store, "update-ref", pin(sha), sha)


def sweep(store: Path) -> None:
    """Delete what a killed git left behind. Only for whoever has fetch.lock."""
    for pattern in LEFTOVERS:
        for leftover in store.glob(pattern):
            leftover.unlink(missing_ok=True)
