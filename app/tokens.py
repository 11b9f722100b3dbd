"""Who has which token: asked of Postgres for each request, so that a revoked one is refused at once
by every web process.
"""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from threading import Lock
from typing import Final, NamedTuple

from app import token_form
from app.rights import Caller, Right, complete
from runner.store import tokens
from runner.store.connection import AWAY, Connection
from runner.store.tokens import StoredToken
from runner.vault import Vault

log = logging.getLogger(__name__)

#: The caller who has the token of the settings; no other may be called that.
ADMIN: Final = "admin"
EVERY: Final = 60.0  # seconds between two notes that a token was used


class Expired(Exception):
    """The token was the right one, once."""


class Known(NamedTuple):
    """A caller, and by which token."""

    caller: Caller
    #: Its id; of the token of the settings a mark that changes with it.
    token: str

    @property
    def is_admin_token(self) -> bool:
        """Whether it is the token of the settings."""
        return self.token.startswith(f"{ADMIN} ")


class Tokens:
    """The tokens in Postgres, and the one of the settings."""

    def __init__(
        self,
        admin_token: str,
        vault: Vault,
        connection: Callable[[], AbstractContextManager[Connection]],
        clock: Callable[[], float],
    ) -> None:
        """Ask by *connection*; by *clock*, in seconds since 1970, tokens expire."""
        self._admin_token = admin_token.encode()
        # Of who has it in a session: it tells nothing of the token, and another token has another.
        self._admin_mark = f"{ADMIN} {hashlib.sha256(self._admin_token).hexdigest()}"
        self._vault = vault
        self._connection = connection
        self._clock = clock
        # Its own thread: what is noted late, or not at all, keeps nobody waiting.
        self._noting = ThreadPoolExecutor(1, thread_name_prefix="tokens")
        self._lock = Lock()
        self._noted: dict[str, float] = {}
        #: The key of digests, by what it is sealed as.
        self._key: tuple[bytes, bytes] = (b"", b"")

    def believe(self, given: bytes) -> Known | None:
        """Whose token was *given*; None: nobody's. Raise Expired."""
        if hmac.compare_digest(given, self._admin_token):
            return self._admin()
        token = token_form.read(given.decode("ascii", "replace"))
        if token is None:
            return None
        with self._connection() as conn:
            found = tokens.presented(conn, token.id)
        if found is None:
            return None
        if not hmac.compare_digest(token.digest(self._opened(found.sealed_key)), found.digest):
            return None
        return self._known(found.token)

    def find(self, conn: Connection, token: str) -> Known | None:
        """Who has *token*, as Known names it, if it still counts."""
        if token.startswith(f"{ADMIN} "):
            return self._admin() if hmac.compare_digest(token, self._admin_mark) else None
        found = tokens.presented(conn, token)
        try:
            return self._known(found.token) if found else None
        except Expired:
            return None

    def new_digest(self, conn: Connection, token: token_form.Token) -> bytes:
        """What to keep of a new token; the first one makes the key."""
        sealed = self._vault.seal({"key": secrets.token_hex(32)})
        assert sealed is not None
        return token.digest(self._opened(tokens.keep_key(conn, sealed)))

    def close(self) -> None:
        """Note no more."""
        self._noting.shutdown(wait=False, cancel_futures=True)

    def _admin(self) -> Known:
        return Known(Caller(ADMIN, complete([Right.ADMIN])), self._admin_mark)

    def _known(self, token: StoredToken) -> Known:
        now = self._clock()
        if token.expires_at is not None and token.expires_at.timestamp() <= now:
            raise Expired(
                f"it has expired at {token.expires_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            )
        self._note_use(token, now)
        rights = complete(map(Right, token.rights))
        return Known(Caller(token.name, rights, tuple(token.templates), token.expires_at), token.id)

    def _opened(self, sealed: bytes) -> bytes:
        """Open the key of digests, once for as long as it is sealed like that."""
        known = self._key
        if known[0] != sealed:
            known = self._key = (sealed, bytes.fromhex(self._vault.open(sealed)["key"]))
        return known[1]

    def _note_use(self, token: StoredToken, now: float) -> None:
        """Have it noted, unless that was done a moment ago by us or by another process."""
        if token.last_used_at is not None and now - token.last_used_at.timestamp() < EVERY:
            return
        with self._lock:
            if now - self._noted.get(token.id, 0.0) < EVERY:
                return
            self._noted[token.id] = now
        try:
            self._noting.submit(self._write_use, token.id)
        except RuntimeError:
            log.debug("this process ends: that a token was used is not noted")

    def _write_use(self, token_id: str) -> None:
        try:
            with self._connection() as conn:
                tokens.note_use(conn, token_id, every=EVERY)
        except AWAY as error:
            log.warning("that a token was used is not noted: %s", error)


def moment(seconds: float) -> datetime:
    """Write seconds since 1970 as a time."""
    return datetime.fromtimestamp(seconds, UTC)
