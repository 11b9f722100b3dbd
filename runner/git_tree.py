"""A commit's files, written to a directory that knows nothing of Git."""

import os
from pathlib import Path

from runner.errors import CheckoutFailed
from runner.git import ENVIRONMENT, git
from runner.git_home import remove
from runner.git_lfs import refuse_pointers


def write_tree(store: Path, ref: str, destination: Path) -> None:
    """Replace *destination* by the plain files of *ref*; what cannot be finished is removed.

    The index is private to this tree: no lock is shared with others that are being written,
    while of 16 `git worktree add` at once 8 to 19 % failed.
    """
    remove(destination)
    destination.mkdir(0o700, parents=True)
    index = destination.with_name(f"{destination.name}.index")
    own = {"GIT_DIR": str(store), "GIT_WORK_TREE": str(destination), "GIT_INDEX_FILE": str(index)}
    try:
        git("read-tree", "-u", "--reset", f"{ref}^{{commit}}", environment=ENVIRONMENT | own)
        refuse_pointers(destination, index, ENVIRONMENT | own)
    except BaseException as error:
        full = is_full(destination)
        remove(destination)
        if full and isinstance(error, CheckoutFailed):
            raise CheckoutFailed(f"no space left at {destination.parent}", "disk_full") from error
        raise
    finally:
        for path in (index, index.with_name(f"{index.name}.lock")):
            path.unlink(missing_ok=True)


def is_full(path: Path) -> bool:
    """Tell if there is no room: git says "unable to write file" then, not why."""
    disk = os.statvfs(path)
    no_inodes = disk.f_files > 0 and disk.f_favail < 16
    return disk.f_bavail * disk.f_frsize < 2**20 or no_inodes
