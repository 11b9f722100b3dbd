"""Where commits and differences of a repository can be seen, if its host is known by its name."""

from typing import Final
from urllib.parse import SplitResult, quote, urlsplit

#: By a word in the host's name: how its forge writes a commit, and what lies between two.
FORGES: Final = {
    "github": ("commit/{new}", "compare/{old}...{new}"),
    "gitlab": ("-/commit/{new}", "-/compare/{old}...{new}"),
    "gitea": ("commit/{new}", "compare/{old}...{new}"),
    "codeberg": ("commit/{new}", "compare/{old}...{new}"),
    "forgejo": ("commit/{new}", "compare/{old}...{new}"),
    "bitbucket.org": ("commits/{new}", "branches/compare/{new}..{old}"),
}


def commit_url(repository: str, sha: str) -> str | None:
    """Where a commit is shown. None where that is not known."""
    return _url(repository, 0, old="", new=sha)


def compare_url(repository: str, old: str, new: str) -> str | None:
    """Where what lies between two commits is shown. None where that is not known."""
    return _url(repository, 1, old=old, new=new)


def _url(repository: str, which: int, *, old: str, new: str) -> str | None:
    parts = urlsplit(repository)
    host = parts.hostname or ""
    shape = next((shapes[which] for word, shapes in FORGES.items() if word in host), None)
    if parts.scheme not in ("https", "ssh") or shape is None:
        return None
    path = parts.path.removesuffix("/").removesuffix(".git")
    return f"https://{_web_host(parts)}{quote(path)}/{shape.format(old=old, new=new)}"


def _web_host(parts: SplitResult) -> str:
    """The port of ssh is not that of the page."""
    host = parts.hostname or ""
    return f"{host}:{parts.port}" if parts.scheme == "https" and parts.port else host
