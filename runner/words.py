"""The words of a template: URLs, refs, paths, host patterns, tags and names, each with its limits.

What git, ssh or Ansible would take for something else (an option, a file, a command) is refused.
"""

import keyword
import re
from pathlib import PurePosixPath
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints

REPOSITORY = r"^(https|ssh|file)://[!-\[\]-~]+$"
REF = r"^[^-\x00-\x20\x7f-\x9f~^:?*\[\\][^\x00-\x20\x7f-\x9f~^:?*\[\\]*$"
PATH = r"^[^-/\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
LIMIT = r"^[^-\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
TAG = r"^[^,\s\x00-\x1f\x7f-\x9f]+$"
NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"

#: What is said of a word that does not match.
FORMS = {
    REPOSITORY: "must begin with https://, ssh:// or file:/// (write git@host:path as ssh://git@host/path)",
    REF: "must be the name of a branch or tag, or a full commit, and not begin with -",
    PATH: "must lead to a place inside the repository, and not begin with -",
    LIMIT: "must name hosts or groups, and not begin with -",
    TAG: "must be one tag, without commas and spaces",
    NAME: "must be letters, digits and underscores, and not begin with a digit",
}


def _repository(url: str) -> str:
    """Refuse what git could take for an option or another helper, and passwords."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("is no URL") from None
    if parts.password or (parts.username is not None and parts.scheme != "ssh"):
        raise ValueError("must not hold credentials: give the runner a deploy key or a helper")
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        raise ValueError("must be file:/// and an absolute path")
    if parts.scheme != "file" and not parts.hostname:
        raise ValueError("names no host")
    if parts.netloc.startswith("-") or "@-" in parts.netloc or "%" in parts.netloc:
        raise ValueError("names a strange host")
    return url


def _ref(ref: str) -> str:
    if ref.startswith("/") or ref.endswith(("/", ".", ".lock")) or ".." in ref or "@{" in ref:
        raise ValueError("is no name of a branch, tag or commit")
    return ref


def _path(path: str) -> str:
    if path.startswith("/") or ".." in PurePosixPath(path).parts:
        raise ValueError("must lead to a place inside the repository")
    return path


def _limit(limit: str) -> str:
    """Refuse `@file`, which Ansible would read, and what names no host: that would mean all."""
    items = [item.lstrip("!&") for item in re.split(r"[\s,:;]+", limit)]
    if any(item.startswith("@") for item in items):
        raise ValueError("must not name a file (@)")
    if not any(items):
        raise ValueError("must name a host or a group")
    return limit


def _variable(name: str) -> str:
    if keyword.iskeyword(name):
        raise ValueError("is a keyword of Python: Ansible refuses it")
    return name


Repository = Annotated[
    str,
    StringConstraints(pattern=REPOSITORY, max_length=1000),
    AfterValidator(_repository),
]
Ref = Annotated[
    str,
    StringConstraints(pattern=REF, max_length=255),
    AfterValidator(_ref),
]
Path = Annotated[
    str,
    StringConstraints(pattern=PATH, max_length=1000),
    AfterValidator(_path),
]
Limit = Annotated[
    str,
    StringConstraints(pattern=LIMIT, max_length=10_000),
    AfterValidator(_limit),
]
TaskTag = Annotated[str, StringConstraints(pattern=TAG, max_length=200)]
TaskTags = Annotated[list[TaskTag], Field(min_length=1, max_length=200)]
Variable = Annotated[
    str,
    StringConstraints(pattern=NAME, max_length=255),
    AfterValidator(_variable),
]
EnvironmentName = Annotated[str, StringConstraints(pattern=NAME, max_length=255)]
Verbosity = Annotated[int, Field(ge=0, le=6)]
Override = Literal["limit", "tags", "skip_tags", "check", "diff", "verbosity", "ref"]
