"""From a repository's URL and ref to plain files in a directory.

`resolve` pins what a run will use and is the only step that always needs the network; `checkout`
needs none once the commit is on this machine.
"""

import contextlib
import errno
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeVar

from runner.access import Access
from runner.errors import CheckoutFailed
from runner.git import ask_remote, redact
from runner.git_store import Store, pin
from runner.git_tree import write_tree

T = TypeVar("T")

RESOLVE_SECONDS = 60.0
REBUILDS = 2  # of a broken store, before git's words are believed
PROTOCOLS: Final = ("https", "ssh", "file")

#: These say that the store is broken; everything else is answered by a person or by time.
BROKEN: Final = frozenset({"git_failed", "not_pinned"})

SHA: Final = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
SHORT_SHA: Final = re.compile(r"[0-9a-f]{4,63}")
#: What git check-ref-format takes, of at most 255 characters.
REF: Final = re.compile(
    r"(?![-/])(?!.*(\.\.|//|@\{|\.lock(/|$)|/\.|/$|\.$|[\x00-\x20\x7f~^:?*\[\\])).{1,255}"
)


#: Whether a path is what is looked for.
IS_THERE: Final[Mapping[str, Callable[[Path], bool]]] = {
    "file": Path.is_file,
    "directory": Path.is_dir,
    "any": Path.exists,
}


@dataclass(frozen=True)
class Tree:
    """The plain files of one commit."""

    #: A directory without .git that belongs to one run.
    root: Path
    url: str
    sha: str


def resolve(
    url: str,
    ref: str,
    protocols: tuple[str, ...] = PROTOCOLS,
    access: Access | None = None,
    *,
    seconds: float = RESOLVE_SECONDS,
) -> str:
    """Find the commit *ref* stands for: HEAD, a branch, a tag, refs/… or a full sha.

    A branch wins over a tag of the same name; refs/tags/… names the tag.
    """
    check_url(url)
    if SHA.fullmatch(ref):
        return ref
    if not REF.fullmatch(ref) or not ref.isprintable():
        raise CheckoutFailed(f"{ref!r} is no name of a branch, a tag or a commit", "bad_ref")
    names = possible_names(ref)
    ask = ("ls-remote", "--", url, *{"HEAD": None} | dict.fromkeys(names))
    answer = ask_remote(url, protocols, *ask, seconds=seconds, access=access)
    # `ls-remote URL x` also answers refs/heads/feature/x: only exact names count.
    shas = {name: sha for sha, _, name in (line.partition("\t") for line in answer.splitlines())}
    for name in names:
        if name in shas:
            return shas[name]
    unknown = f"no branch or tag {ref!r} in {redact(url)}{ref_advice(ref, 'HEAD' in shas)}"
    raise CheckoutFailed(unknown, "ref_not_found")


def ref_advice(ref: str, has_head: bool) -> str:
    """Say why there may be no such ref."""
    if not has_head:
        return ": it has no commits, or none in its default branch"
    if SHORT_SHA.fullmatch(ref):
        return ": a commit needs all its 40 digits"
    return ""


def possible_names(ref: str) -> list[str]:
    """List the full names *ref* may mean, best first; ^{} is the commit of an annotated tag."""
    if ref == "HEAD":
        return [ref]
    if ref.startswith("refs/"):
        return [f"{ref}^{{}}", ref]
    return [f"refs/heads/{ref}", f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}"]


def check_url(url: str) -> None:
    """Refuse what git could take for an option, or what would not survive a log."""
    if not 0 < len(url) < 4096 or url.startswith("-") or not url.isprintable():
        raise CheckoutFailed(f"{redact(url)[:200]!r} is no repository URL", "url_not_allowed")


def checkout(
    cache: Path,
    url: str,
    sha: str,
    destination: Path,
    protocols: tuple[str, ...] = PROTOCOLS,
    access: Access | None = None,
) -> Tree:
    """Write the tree of *sha* to *destination*, whatever is there; mend a broken store.

    Any number of runs may do so at once.
    """
    check_url(url)
    if not SHA.fullmatch(sha):
        raise CheckoutFailed(f"{sha!r} is no full commit id", "bad_ref")
    store = Store(cache, url, protocols, access)
    read_commit(store, sha, lambda here: write_tree(here, pin(sha), destination))
    return Tree(destination, url, sha)


def read_commit(store: Store, sha: str, look: Callable[[Path], T]) -> T:
    """Look at the bare repository that has *sha*, fetching what is missing; mend a broken store."""
    with own_disk():
        for _ in range(REBUILDS):
            with store.use():
                try:
                    return store.read(sha, look)
                except CheckoutFailed as error:
                    if error.code not in BROKEN:
                        raise
                    broken = store.generation()
            store.rebuild(sha, broken)
        with store.use():
            return store.read(sha, look)


@contextlib.contextmanager
def own_disk() -> Iterator[None]:
    """Say that it was this machine's disk, not the repository, that failed."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise CheckoutFailed(str(error), "disk_full" if full else "cache_io") from error


def inside(tree: Tree, relative: str, kind: Literal["file", "directory", "any"] = "file") -> Path:
    """Find *relative* in the tree: symlinks may be followed, but not out of it.

    The path is returned as it was asked for, because Ansible looks for roles beside a playbook
    where it is named, not where a symlink leads.
    """
    if not relative or "\0" in relative or os.path.isabs(relative):
        raise CheckoutFailed(f"{relative!r} is no path within a repository", "bad_path")
    path = Path(os.path.normpath(tree.root / relative))
    real = Path(os.path.realpath(path))
    where = f"{redact(tree.url)} at {tree.sha[:7]}"
    if not real.is_relative_to(os.path.realpath(tree.root)) or not path.is_relative_to(tree.root):
        raise CheckoutFailed(f"{relative!r} leads out of {where}", "bad_path")
    if not IS_THERE[kind](path):
        raise CheckoutFailed(f"no {relative!r} in {where}", "path_not_found")
    return path
