"""What a commit says of its submodules: which there are, and where they come from. Nothing of it is
executed, and no file of this machine is read because it says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner import git_url
from runner.checkout import Tree
from runner.errors import CheckoutFailed
from runner.git import git_in, redact
from runner.git_store import pin

GITLINK: Final = "160000"
FILES: Final = ("100644", "100755")
LARGEST = 1_000_000  # bytes of a .gitmodules

#: What .gitmodules says of one submodule: its path, url and update.
Named = dict[str, str]


@dataclass(frozen=True)
class Submodule:
    """Another repository's commit, and its place in the tree."""

    path: str
    url: str
    sha: str


def find(store: Path, tree: Tree, protocols: tuple[str, ...]) -> list[Submodule]:
    """List the submodules of a commit that is in *store*. Raise CheckoutFailed: bad_submodule."""
    entries = list(_entries(store, tree.sha))
    links = {path: sha for mode, sha, path in entries if mode == GITLINK}
    if not links:
        return []
    if not any(path == ".gitmodules" and mode in FILES for mode, _, path in entries):
        raise refused("there are submodules, but no .gitmodules that tells where they come from")
    named = _by_path(_read_gitmodules(store, tree.sha))
    wanted = {path: sha for path, sha in links.items() if _update(named, path) != "none"}
    return [
        Submodule(path, _url(path, named.get(path, {}), tree, protocols), sha)
        for path, sha in wanted.items()
    ]


def refused(why: str) -> CheckoutFailed:
    """Say that a repository's submodules are none that Curtain checks out."""
    return CheckoutFailed(why, "bad_submodule")


def _update(named: dict[str, Named], path: str) -> str | None:
    """How git would bring it up to date: only `none` counts, the rest may be commands."""
    return named.get(path, {}).get("update")


def _entries(store: Path, sha: str) -> Iterator[tuple[str, str, str]]:
    """Each entry of the commit: mode, sha, path."""
    for line in git_in(store, "ls-tree", "-r", "-z", pin(sha)).split("\0"):
        if line:
            about, _, path = line.partition("\t")
            mode, _, object_id = about.split()
            yield mode, object_id, path


def _read_gitmodules(store: Path, sha: str) -> dict[str, Named]:
    """Read what .gitmodules says, by the name of the submodule."""
    blob = f"{pin(sha)}:.gitmodules"
    if int(git_in(store, "cat-file", "-s", blob)) > LARGEST:
        raise refused(f".gitmodules has more than {LARGEST} bytes")
    # Without --no-includes git 2.39 reads any file of this machine that an [include] names.
    text = git_in(store, "config", "--no-includes", "--null", "--blob", blob, "--list")
    named: dict[str, Named] = {}
    for entry in filter(None, text.split("\0")):
        key, _, value = entry.partition("\n")
        section, _, rest = key.partition(".")
        name, _, what = rest.rpartition(".")
        if section == "submodule" and what in ("path", "url", "update"):
            if what in named.setdefault(name, {}):
                raise refused(f".gitmodules gives the {what} of {name!r} twice")
            named[name][what] = value
    return named


def _by_path(named: dict[str, Named]) -> dict[str, Named]:
    found: dict[str, Named] = {}
    for about in named.values():
        path = about.get("path", "")
        if path and found.setdefault(path, about) is not about:
            raise refused(f".gitmodules names {path!r} twice")
    return found


def _url(path: str, about: Named, parent: Tree, protocols: tuple[str, ...]) -> str:
    """Tell where a submodule is fetched from. Raise CheckoutFailed for where none may be."""
    given = about.get("url", "")
    if not given or not path.isprintable():
        raise refused(f".gitmodules has no URL for {path!r}")
    try:
        url = git_url.join(parent.url, given) if given.startswith(("./", "../")) else given
        return _allowed(git_url.parse(url), url, git_url.parse(parent.url), protocols)
    except CheckoutFailed as error:
        raise refused(f"{path!r} has the URL {redact(given)[:200]!r}: {error}") from error


def _allowed(
    address: git_url.Address, url: str, parent: git_url.Address, protocols: tuple[str, ...]
) -> str:
    if address.scheme not in protocols:
        raise refused(f"{address.scheme} is not allowed")
    if address.scheme == "file" and parent.scheme != "file":
        raise refused("a repository from elsewhere may not name what is on this machine")
    if address.user is not None and ":" in address.user:
        raise refused("it holds a password")
    if address.scheme in ("http", "https"):
        return git_url.without_user(address)
    if address.user is not None and not git_url.USER.fullmatch(address.user):
        raise refused("it names a strange user")
    return url
