"""The commits of one repository on this machine, shared by every run that wants one of them.

A store is bare, has no remote and no branches, only a ref refs/pins/<sha> for each commit that
was fetched whole: git writes it after its check of completeness, while `cat-file -e` said yes to
5 of 120 fetches that had been killed halfway.

Beside the store lie its locks, which are never removed (that would split them):
  gate.lock, use.lock   shared while a tree is written, exclusive while the store is replaced
  fetch.lock            whoever has it may delete what a dead git left behind

They are taken in this order: gate, use, fetch.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.access import Access
from runner.errors import CheckoutFailed
from runner.git import ask_remote, git, git_in
from runner.git_lock import lock
from runner.git_tree import write_tree

FETCH_SECONDS = 600.0
FETCH = ("fetch", "--quiet", "--no-write-fetch-head", "--no-tags", "--no-auto-maintenance")
EVERYTHING = ("+refs/heads/*:refs/all/heads/*", "+refs/tags/*:refs/all/tags/*")
LEFTOVERS = ("*.lock", "refs/**/*.lock", "objects/**/tmp_*", "objects/pack/.tmp-*")

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
        return self.home / "store.git"

    @contextlib.contextmanager
    def use(self, mode: int = fcntl.LOCK_SH) -> Iterator[None]:
        """Share the store with others that read it, or have it alone (LOCK_EX).

        Whoever waits to have it alone holds the gate, so that a stream of readers cannot starve it.
        """
        self.home.mkdir(0o700, parents=True, exist_ok=True)
        with contextlib.ExitStack() as held:
            with lock(self.home / "gate.lock", mode):
                held.enter_context(lock(self.home / "use.lock", mode))
            os.utime(self.home)  # when it was last of use
            yield

    def write_tree(self, sha: str, destination: Path) -> None:
        """Make *destination* the tree of *sha*, fetching it only when it is not here."""
        if self.path.exists():
            try:
                return write_tree(self.path, pin(sha), destination)
            except CheckoutFailed as error:
                if error.code != "not_pinned":
                    raise
        self._pin(sha)
        write_tree(self.path, pin(sha), destination)

    def generation(self) -> Generation | None:
        """Tell this store from the next. None: there is none."""
        try:
            head = (self.path / "HEAD").stat()
        except FileNotFoundError:
            return None
        return head.st_ino, head.st_mtime_ns

    def rebuild(self, sha: str, broken: Generation | None) -> None:
        """Replace the *broken* store by a new one with *sha*, unless another run has done so.

        The old one stays when the fetch fails: others may still find their commits in it.
        """
        with self.use(fcntl.LOCK_EX), lock(self.home / "fetch.lock") as descriptor:
            if self.generation() != broken:
                return
            new = self._create(sha)
            self._fetch(new, sha, descriptor)
            with contextlib.suppress(FileNotFoundError):
                self.path.rename(self._aside())
            new.rename(self.path)
            self._remove_asides()

    def _pin(self, sha: str) -> None:
        with lock(self.home / "fetch.lock") as descriptor:
            self._remove_asides()
            if not self.path.exists():
                self._create(sha).rename(self.path)
            sweep(self.path)
            if not pin_known(self.path, sha):
                self._fetch(self.path, sha, descriptor)

    def _create(self, sha: str) -> Path:
        """Make an empty store aside: a killed `init` leaves half a repository."""
        new = self._aside()
        kind = "sha256" if len(sha) == 64 else "sha1"
        git("init", "--quiet", "--bare", "--template=", f"--object-format={kind}", new)
        return new

    def _aside(self) -> Path:
        return self.home / f"tmp-{uuid.uuid4().hex}"

    def _remove_asides(self) -> None:
        """Delete what was being made or thrown away. Only for whoever has fetch.lock."""
        for aside in self.home.glob("tmp-*"):
            shutil.rmtree(aside, ignore_errors=True)

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
