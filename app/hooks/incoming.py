"""A request to a hook as it came in, before anybody has believed it, and what may be said of it."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"


class Denied(Exception):
    """The sender has not shown that it is who it should be. Only the log is told why."""


class Unreadable(Exception):
    """What the sender sent is no message of its kind."""


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """A request: its raw bytes, since those are what is signed."""

    #: By names in small letters; a header that came twice has both values, with a comma between.
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """The header called *name*, in whatever letters; empty when there is none."""
        return self.headers.get(name.lower(), "")

    @property
    def media_type(self) -> str:
        """What the body is said to be, without parameters."""
        return self.header("Content-Type").partition(";")[0].strip().lower()

    @property
    def digest(self) -> str:
        """What tells this body from others, for senders that number nothing."""
        return hashlib.sha256(self.body).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Keys:
    """What a sender must know to be believed."""

    #: Each is enough; two while one takes the place of the other.
    secrets: tuple[str, ...]
    #: What the hook says beside them, such as the audience of a token; see app.hooks.hook.
    options: Mapping[str, object]
    #: What `fetched_from` of the sender's file has named, where the sender signs by a key that
    #: must be fetched; None elsewhere.
    fetched: bytes | None = None


def require_hmac(keys: Keys, signed: bytes, given: str, algorithm: str = "sha256") -> None:
    """Raise Denied unless *given* is the HMAC of *signed*, in small hex digits, by one secret."""
    # Of bytes: compare_digest raises TypeError for a str that is not ASCII.
    said = given.encode("utf-8", "replace")
    expected = [
        hmac.new(secret.encode(), signed, algorithm).hexdigest().encode()
        for secret in keys.secrets
        if secret  # with an empty one everybody could sign
    ]
    if not said or not any([hmac.compare_digest(said, each) for each in expected]):
        raise Denied("the signature is missing or wrong")


def require_secret(keys: Keys, given: str) -> None:
    """Raise Denied unless *given* is one of the secrets."""
    said = given.encode("utf-8", "surrogatepass")
    if not said or not any([hmac.compare_digest(said, each.encode()) for each in keys.secrets]):
        raise Denied("the secret is missing or wrong")
