"""The words of a template: URLs, refs, paths, host patterns, tags and names, each with its limits.

What git, ssh or Ansible would take for something else (an option, a file, a command) is refused.
"""

import base64
import keyword
import re
from pathlib import PurePosixPath
from typing import Annotated, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, StringConstraints

REPOSITORY = r"^(https|ssh|file)://[!-\[\]-~]+$"
REF = r"^[^-\x00-\x20\x7f-\x9f~^:?*\[\\][^\x00-\x20\x7f-\x9f~^:?*\[\\]*$"
PATH = r"^[^-/\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
LIMIT = r"^[^-\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
TAG = r"^[^,\s\x00-\x1f\x7f-\x9f]+$"
NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
CREDENTIAL = r"^[a-z0-9][a-z0-9._-]{0,62}$"
ONE_LINE = r"^[^\x00\r\n]+$"
USER = r"^[^-\x00-\x20\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"
WEB_USER = r"^[^:\x00-\x1f\x7f-\x9f]+$"
VAULT_ID = r"^[^-@;,\s\x00-\x1f\x7f-\x9f][^@;,\s\x00-\x1f\x7f-\x9f]*$"
#: Of a forge, whose API has it in its URLs.
FORGE_REPOSITORY = r"^[A-Za-z0-9._-]{1,100}(/[A-Za-z0-9._-]{1,100}){1,20}$"
STATUS_CONTEXT = r"^[!-~]([ -~]{0,98}[!-~])?$"
#: Not all that RFC 5321 allows: nothing that could be taken for two, or for a header.
ADDRESS = (
    r"^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$"
)
WEB_URL = r"^https?://[!-\[\]-~]+$"
VISIBLE = r"^[!-~]+$"
WHSEC = r"^whsec_[A-Za-z0-9+/]+={0,2}$"
HOST = r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(:[0-9]{1,5})?$"

#: What no server takes in a path.
CONTROL = re.compile(r"%([01][0-9a-f]|7f)", re.IGNORECASE)

#: What is said of a word that does not match.
FORMS = {
    REPOSITORY: "must begin with https://, ssh:// or file:/// in small letters "
    "(write git@host:path as ssh://git@host/path), and hold no blanks (%20), "
    "no backslashes and ASCII only",
    REF: "must be the name of a branch or tag, or a full commit, and not begin with -",
    PATH: "must lead to a place inside the repository, and not begin with -",
    LIMIT: "must name hosts or groups, and not begin with -",
    TAG: "must be one tag, without commas and spaces",
    NAME: "must be letters, digits and underscores, and not begin with a digit",
    CREDENTIAL: "must be the name of a credential: up to 63 of a-z 0-9 . _ -",
    ONE_LINE: "must be one line, and not empty",
    USER: "must be the name of a user, and not begin with -",
    WEB_USER: "must be the name of a user, without colons",
    VAULT_ID: "must be a vault id, without @ ; , and spaces, and not begin with -",
    HOST: "must be a host, or host:port",
    FORGE_REPOSITORY: "must be owner/name",
    STATUS_CONTEXT: "must be up to 100 characters of ASCII, without blanks at its ends",
    ADDRESS: "must be one e-mail address: name@host",
    WEB_URL: "must begin with https:// or http://, and hold ASCII only, without blanks",
    VISIBLE: "must be ASCII without blanks",
    WHSEC: "must be whsec_ and base64",
}


def _repository(url: str) -> str:
    """Refuse what git could take for an option or another helper, and passwords."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("is no URL") from None
    if parts.password or (parts.username is not None and parts.scheme != "ssh"):
        raise ValueError("must not hold credentials: put one and name it in `credential`")
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        raise ValueError("must be file:/// and an absolute path")
    if parts.scheme != "file" and not parts.hostname:
        raise ValueError("names no host")
    if CONTROL.search(url):
        raise ValueError("holds a control character, written with %")
    if parts.scheme != "file" and ("?" in url or "#" in url):
        raise ValueError("must end with the path: a repository has no ?query and no #fragment")
    if parts.scheme != "file" and not _has_sound_port(parts):
        raise ValueError("has no port that there is: a colon and 1 to 65535 behind the host")
    if parts.netloc.startswith("-") or "@-" in parts.netloc or "%" in parts.netloc:
        raise ValueError("names a strange host")
    return url


def _has_sound_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0 and not parts.netloc.endswith(":")
    except ValueError:
        return False


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


def _web_url(url: str) -> str:
    """Refuse what clients read in different ways, and passwords."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("is no URL") from None
    if "@" in parts.netloc:
        raise ValueError("must not hold a user")
    if not re.fullmatch(HOST[1:-1], parts.netloc) or not _has_sound_port(parts):
        raise ValueError("names no host, or a strange one")
    if "#" in url:
        raise ValueError("must have no #fragment")
    return url


def _base_url(url: str) -> str:
    if "?" in url:
        raise ValueError("must have no ?query")
    return _web_url(url).rstrip("/")


def _webhook_secret(secret: str) -> str:
    """Refuse what others could guess, and what their libraries read in another way."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        raise ValueError("must be whsec_ and base64") from None
    if not 24 <= len(key) <= 64:
        raise ValueError("must be of 24 to 64 bytes: whsec_$(openssl rand -base64 32)")
    return secret


def _forge_repository(repository: str) -> str:
    if any(set(part) == {"."} for part in repository.split("/")):
        raise ValueError("must not have parts of points")
    return repository


def _host(host: str) -> str:
    """Write it as URLs are compared: in small letters."""
    _, _, port = host.rpartition("]")[2].partition(":")
    if port and not 0 < int(port) < 65536:
        raise ValueError("has no port that there is")
    return host.lower()


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
CredentialName = Annotated[str, StringConstraints(pattern=CREDENTIAL)]
OneLine = Annotated[str, StringConstraints(pattern=ONE_LINE, max_length=10_000)]
UserName = Annotated[str, StringConstraints(pattern=USER, max_length=255)]
WebUserName = Annotated[str, StringConstraints(pattern=WEB_USER, max_length=255)]
VaultId = Annotated[str, StringConstraints(pattern=VAULT_ID, max_length=100)]
Host = Annotated[
    str,
    StringConstraints(pattern=HOST, max_length=260),
    AfterValidator(_host),
]
ForgeRepository = Annotated[
    str,
    StringConstraints(pattern=FORGE_REPOSITORY, max_length=500),
    AfterValidator(_forge_repository),
]
StatusContext = Annotated[str, StringConstraints(pattern=STATUS_CONTEXT)]
Address = Annotated[str, StringConstraints(pattern=ADDRESS, max_length=254)]
WebUrl = Annotated[
    str,
    StringConstraints(pattern=WEB_URL, max_length=2000),
    AfterValidator(_web_url),
]
BaseUrl = Annotated[
    str,
    StringConstraints(pattern=WEB_URL, max_length=2000),
    AfterValidator(_base_url),
]
Token = Annotated[str, StringConstraints(pattern=VISIBLE, max_length=2000)]
WebhookSecret = Annotated[
    str,
    StringConstraints(pattern=WHSEC, max_length=200),
    AfterValidator(_webhook_secret),
]
EnvironmentName = Annotated[str, StringConstraints(pattern=NAME, max_length=255)]
Verbosity = Annotated[int, Field(ge=0, le=6)]
Override = Literal["limit", "tags", "skip_tags", "check", "diff", "verbosity", "ref"]
