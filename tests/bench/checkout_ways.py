"""Ways to come from a repository's URL to files: ours, git's own, and what people do without us.

Each does what its users would, with git's own settings: nothing of a rival is made slower or
quicker than it is.
"""

import fcntl
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, Protocol

from runner.checkout import checkout, resolve
from tests.bench.figures import OURS
from tests.bench.remote import BRANCH, Commit
from tests.repositories import ENVIRONMENT

WORKERS = ("-c", "checkout.workers=4", "-c", "checkout.thresholdForParallelism=200")
QUICK = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
STORE = "store.git"
KEPT = "refs/kept/"


class Wanted(NamedTuple):
    """What a run asks for."""

    commit: Commit
    #: The run names the branch, and must find the commit itself.
    by_branch: bool = False
    #: Only the floor may use this knowledge: nobody has asked for the commit before.
    is_new: bool = False


class Way(Protocol):
    """A way; all that it keeps between runs is in its home."""

    @property
    def name(self) -> str:
        """What the table calls it."""

    @property
    def home(self) -> Path:
        """Where it may keep something."""

    def check_out(self, wanted: Wanted, run: Path) -> Path:
        """Have the files, in the new directory *run* if it gives each run its own; tell where."""


@dataclass(frozen=True)
class Ours:
    """As the leader does it."""

    url: str
    home: Path
    name: str = OURS

    PROTOCOLS: ClassVar = ("git",)

    def check_out(self, wanted: Wanted, run: Path) -> Path:
        """Resolve, then check out."""
        ref = BRANCH if wanted.by_branch else wanted.commit.sha
        sha = resolve(self.url, ref, self.PROTOCOLS)
        return checkout(self.home, self.url, sha, run, self.PROTOCOLS).root


@dataclass(frozen=True)
class Clone:
    """A clone for each run."""

    url: str
    home: Path
    name: str = "git clone per run"

    def check_out(self, wanted: Wanted, run: Path) -> Path:
        """Clone, and go to the commit where one was named."""
        git("clone", "--quiet", "--branch", BRANCH, "--", self.url, run)
        if not wanted.by_branch:
            git("checkout", "--quiet", "--detach", wanted.commit.sha, cwd=run)
        return run


@dataclass(frozen=True)
class Persistent:
    """One clone for all runs, brought up to date by each, one after another."""

    url: str
    home: Path
    name: str = "one clone: fetch, reset, clean"

    def check_out(self, wanted: Wanted, run: Path) -> Path:
        """Fetch, reset --hard, clean -ffdx."""
        tree = self.home / "tree"
        with alone(self.home):
            if not tree.exists():
                git("clone", "--quiet", "--branch", BRANCH, "--", self.url, tree)
            git("fetch", "--quiet", "--prune", "origin", cwd=tree)
            target = f"origin/{BRANCH}" if wanted.by_branch else wanted.commit.sha
            git("reset", "--quiet", "--hard", target, cwd=tree)
            git("clean", "-ffdxq", cwd=tree)
        return tree


@dataclass(frozen=True)
class PullOrClone:
    """One clone a template, pulled if it can be pulled, else removed and made again.

    The commands are those of Semaphore's command line client (CmdGitClient.go, 2.16), and its
    lock is around them only: a run may find its files changed by the next one.
    """

    url: str
    home: Path
    name: str = "pull, or remove and clone"

    def check_out(self, wanted: Wanted, run: Path) -> Path:
        """Pull or clone, and go to the commit where one was named."""
        tree = self.home / "tree"
        with alone(self.home):
            if not (tree.exists() and self._is_pulled(tree)):
                shutil.rmtree(tree, ignore_errors=True)
                git("clone", "--quiet", "--recursive", "--branch", BRANCH, "--", self.url, tree)
            if not wanted.by_branch:
                git("checkout", "--quiet", wanted.commit.sha, cwd=tree)
        return tree

    def _is_pulled(self, tree: Path) -> bool:
        try:
            git("fetch", "--quiet", cwd=tree)
            git("merge-base", "--is-ancestor", "HEAD", f"origin/{BRANCH}", cwd=tree)
            git("pull", "--quiet", "--recurse-submodules", "origin", BRANCH, cwd=tree)
        except subprocess.CalledProcessError:
            return False
        return True


@dataclass(frozen=True)
class Floor:
    """The least that git can be asked: it is told what is new, and checks nothing.

    Only fetches wait for each other: of eight at once one took another's half for the whole.
    """

    url: str
    home: Path
    writer: str

    @property
    def name(self) -> str:
        """Tell how its files are written."""
        return f"floor: {self.writer}"

    def check_out(self, wanted: Wanted, run: Path) -> Path:
        """Fetch only where it cannot be avoided, and write the files."""
        store = self.home / STORE
        if not store.exists():
            git("init", "--quiet", "--bare", store)
        branch = f"refs/heads/{BRANCH}"
        if wanted.is_new:
            refs = f"+{branch if wanted.by_branch else wanted.commit.sha}:{KEPT}{wanted.commit.sha}"
            with alone(self.home):
                git("fetch", *QUICK, "--", self.url, refs, cwd=store)
        elif wanted.by_branch:
            git("ls-remote", "--", self.url, branch)
        WRITERS[self.writer](store, wanted.commit.sha, run)
        return run


def read_tree(store: Path, sha: str, run: Path) -> None:
    """Write by an index of the run's own."""
    run.mkdir()
    place = (f"--git-dir={store}", f"--work-tree={run}")
    index = str(run.with_name(f"{run.name}.index"))
    git(*WORKERS, *place, "read-tree", "-u", "--reset", sha, GIT_INDEX_FILE=index)


def archive(store: Path, sha: str, run: Path) -> None:
    """Write by tar."""
    run.mkdir()
    command = ["git", "archive", "--format=tar", sha]
    with subprocess.Popen(command, cwd=store, env=ENVIRONMENT, stdout=subprocess.PIPE) as process:
        subprocess.run(["tar", "-x"], cwd=run, stdin=process.stdout, check=True)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {process.returncode}")


def clone_shared(store: Path, sha: str, run: Path) -> None:
    """Write by a clone that borrows all objects."""
    git("clone", "--quiet", "--shared", "--no-checkout", "--", store, run)
    git(*WORKERS, "checkout", "--quiet", "--detach", sha, cwd=run)


def add_worktree(store: Path, sha: str, run: Path) -> None:
    """Write by a work tree that the store knows."""
    git(*WORKERS, "worktree", "add", "--force", "--detach", run, sha, cwd=store)


#: In which git can write a commit's files to a new directory, without network.
WRITERS: Final[dict[str, Callable[[Path, str, Path], None]]] = {
    "read-tree": read_tree,
    "archive | tar": archive,
    "clone --shared": clone_shared,
    "worktree add": add_worktree,
}


def git(*arguments: str | Path, cwd: Path = Path("/"), **environment: Any) -> None:
    """Run git as a script would."""
    command = ["git", *map(str, arguments)]
    variables = {**ENVIRONMENT, **environment}
    try:
        subprocess.run(command, cwd=cwd, env=variables, check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr.decode())
        raise


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Keep other runs out of a directory that all share."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def rivals(url: str, folder: Path) -> list[Way]:
    """All but the floor, each with a home of its own."""
    return [
        Ours(url, folder / "ours"),
        Clone(url, folder / "clone"),
        Persistent(url, folder / "persistent"),
        PullOrClone(url, folder / "pull"),
    ]
