"""What a repository's URL says: how it is reached, where, and where a relative one leads. Pure."""

import re
from dataclasses import dataclass
from typing import Final

from runner.errors import CheckoutFailed

#: scheme://user@host:port/path; a file has no host.
LONG: Final = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:(?P<user>[^/@]*)@)?(?P<host>[^/@]*)(?P<path>/.*)"
)
#: user@host:path, as ssh is written in short. `ext::sh` and `x://y` are of other helpers.
SHORT: Final = re.compile(
    r"(?:(?P<user>[^/@:]+)@)?(?P<host>[^/@:\[]+|\[[^/@\]]+\]):(?P<path>(?!:|//).+)"
)
HOST: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")
WORD: Final = re.compile(r"[!-\[\]-~]+")  # as in templates: no spaces, no backslash
USER: Final = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.+-]*")


@dataclass(frozen=True)
class Address:
    """A URL in its parts."""

    scheme: str
    #: None: none is named. A password is still in it.
    user: str | None
    #: With the port. Empty for a file.
    host: str
    path: str
    #: What comes before the path, as it was written.
    start: str


def parse(url: str) -> Address:
    """Take a URL apart. Raise CheckoutFailed for what is none, such as a path or an option."""
    match = LONG.fullmatch(url) or SHORT.fullmatch(url)
    if match is None or not WORD.fullmatch(url) or url.startswith("-"):
        raise CheckoutFailed("it is no URL of a repository", "url_not_allowed")
    address = Address(
        scheme=match.groupdict().get("scheme", "ssh"),
        user=match["user"],
        host=match["host"],
        path=match["path"],
        start=url[: match.start("path")],
    )
    if address.scheme == "file":
        is_sound = not address.host and address.user is None
    else:
        is_sound = bool(HOST.fullmatch(address.host))
    if not is_sound:
        raise CheckoutFailed("it names a strange host", "url_not_allowed")
    return address


def join(base: str, relative: str) -> str:
    """Find where ./… or ../… leads from *base*. Raise CheckoutFailed when it leaves the host."""
    address = parse(base)
    steps = [step for step in address.path.split("/") if step]
    for step in relative.split("/"):
        if step == ".." and not steps:
            raise CheckoutFailed("it leads out of its host", "url_not_allowed")
        if step == "..":
            steps.pop()
        elif step not in ("", "."):
            steps.append(step)
    if not steps:
        raise CheckoutFailed("it leads out of its host", "url_not_allowed")
    root = "/" if address.path.startswith("/") else ""
    return f"{address.start}{root}{'/'.join(steps)}"


def without_user(address: Address) -> str:
    """Write a URL of a web server without its user's name: who asks is known by the credential."""
    return f"{address.scheme}://{address.host}{address.path}"
