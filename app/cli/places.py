"""Where the server is and with which token: the environment, or what `curtain login` has kept."""

import json
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from app.cli.errors import NotSignedIn, WrongUsage

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
#: What a bearer token may consist of, in a header and in the file.
TOKEN = re.compile(r"[!-~]{1,500}")
LOGIN = "sign in with `curtain login URL`, or set CURTAIN_URL and CURTAIN_TOKEN"


@dataclass(frozen=True)
class Place:
    """A server, and the token for it."""

    #: Without a slash at its end.
    url: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Kept:
    """What the file holds."""

    current: str | None = None
    contexts: Mapping[str, Place] = field(default_factory=dict)

    def with_context(self, name: str, place: Place) -> "Kept":
        """Add or change one, and make it the current one."""
        return Kept(name, {**self.contexts, name: place})

    def without(self, name: str) -> "Kept":
        """Forget one; if it was the current one, none is."""
        left = {each: place for each, place in self.contexts.items() if each != name}
        return Kept(None if self.current == name else self.current, left)

    def choosing(self, name: str) -> "Kept":
        """Make one the current one. Raise WrongUsage if there is none of this name."""
        if name not in self.contexts:
            raise WrongUsage(f"there is no context {name!r}: `curtain contexts` lists them")
        return replace(self, current=name)


def path(environ: Mapping[str, str]) -> Path:
    """Where the file is."""
    home = environ.get("XDG_CONFIG_HOME") or ""
    # The XDG specification: a path that is not absolute counts for nothing.
    folder = Path(home) if home.startswith("/") else Path.home() / ".config"
    return folder / "curtain" / "config.toml"


def read(environ: Mapping[str, str]) -> Kept:
    """Read the file. Raise WrongUsage when it is not what `login` writes."""
    file = path(environ)
    try:
        written = tomllib.loads(file.read_text())
    except FileNotFoundError:
        return Kept()
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{file} cannot be read: {error}") from None
    try:
        contexts = {
            name: Place(checked_url(each["url"]), checked_token(each["token"]))
            for name, each in written.get("contexts", {}).items()
        }
        return Kept(written.get("current"), contexts)
    except (KeyError, TypeError, AttributeError):
        raise WrongUsage(f"{file} is not what `curtain login` writes: mend or remove it") from None


def write(environ: Mapping[str, str], kept: Kept) -> Path:
    """Write the file, for its owner alone, whole or not at all. Raise WrongUsage."""
    file = path(environ)
    try:
        return _write(file, kept)
    except OSError as error:
        raise WrongUsage(f"{file} cannot be written: {error.strerror}") from None


def _write(file: Path, kept: Kept) -> Path:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [f"current = {json.dumps(kept.current)}"] if kept.current else []
    for name, place in sorted(kept.contexts.items()):
        # Names, URLs and tokens are ASCII without controls, so JSON's strings are TOML's.
        lines += ["", f"[contexts.{json.dumps(name)}]", f"url = {json.dumps(place.url)}"]
        lines += [f"token = {json.dumps(place.token)}"]
    descriptor, part = tempfile.mkstemp(dir=file.parent)  # of which others read nothing
    with open(descriptor, "w") as out:
        out.write("\n".join(lines) + "\n")
    os.replace(part, file)
    return file


def find(environ: Mapping[str, str], context: str | None) -> Place:
    """Choose the server. Raise NotSignedIn when none is known, or no token for it.

    The environment wins. A token that was kept for one server is never sent to another.
    """
    url, token = environ.get("CURTAIN_URL"), environ.get("CURTAIN_TOKEN")
    if context is None and url and token:
        return Place(checked_url(url), checked_token(token))
    kept = read(environ)
    if context is None and url:
        return _known(kept, checked_url(url))
    name = context or environ.get("CURTAIN_CONTEXT") or kept.current
    if name is None:
        raise NotSignedIn(f"no server is known: {LOGIN}")
    place = kept.choosing(name).contexts[name]
    return replace(place, token=checked_token(token)) if token and context is None else place


def _known(kept: Kept, url: str) -> Place:
    for place in kept.contexts.values():
        if place.url == url:
            return place
    raise NotSignedIn(f"no token is known for {url}: {LOGIN}")


def checked_url(text: str) -> str:
    """Take the address of a server. Raise WrongUsage naming what is wrong."""
    url = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or not re.fullmatch("[!-~]+", url) or parts.query or parts.fragment:
        raise WrongUsage(f"{text!r} is not the address of a server: https://curtain.example.com")
    if parts.username is not None or parts.password is not None:
        raise WrongUsage("the address must not hold a user or password: give the token when asked")
    return url.rstrip("/").removesuffix("/api/v1")


def checked_token(text: str) -> str:
    """Take a token. Raise WrongUsage, without repeating it, when no header could carry it."""
    if not TOKEN.fullmatch(text):
        raise WrongUsage("the token has characters that no token has: copy it once more")
    return text


def is_private(url: str) -> bool:
    """Whether nobody on the way can read what is sent there."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in ("localhost", "127.0.0.1", "::1")
