"""What an installation declares, with its secrets, as a backup holds it."""

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from psycopg import IsolationLevel

from app.backup.document import Document, Key, fit
from app.version import VERSION
from runner.errors import RunnerError
from runner.store import declared
from runner.store.connection import Connection
from runner.store.declared import Row
from runner.vault import SecretsUnreadable, Vault

UNREADABLE: Final = "none of the keys in CURTAIN_SECRET_KEY reads its secrets"


class BackupIncomplete(RunnerError):
    """Something is kept in a way that this version, or its keys, cannot read."""


class Found(NamedTuple):
    """An installation, as far as it can be read."""

    #: As it is stored, and opened.
    content: dict[str, Any]
    document: Document
    #: What cannot be read, and why.
    unfit: dict[Key, str]
    #: Whether the token key is among that.
    has_unreadable_token_key: bool


def read_whole(conn: Connection, vault: Vault) -> Found:
    """Read everything of one moment. Raise BackupIncomplete."""
    conn.isolation_level = IsolationLevel.REPEATABLE_READ
    with conn.transaction():
        found = find(conn, vault)
    faults = [f"{key}: {why}" for key, why in found.unfit.items()]
    if found.has_unreadable_token_key:
        faults.append(f"the key of tokens: {UNREADABLE}")
    if faults:
        raise BackupIncomplete("put these again, or delete them: " + "; ".join(faults))
    return found


def find(conn: Connection, vault: Vault) -> Found:
    """Read and open everything in the transaction under way."""
    rows = declared.everything(conn)
    opening = Opening(vault)
    token_key = opening.token_key(rows.token_key)
    raw = {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": VERSION,
        "credentials": opening.all("credentials", rows.credentials),
        "templates": {row["name"]: row["spec"] for row in rows.templates},
        "hooks": opening.all("hooks", rows.hooks),
        "schedules": opening.all("schedules", rows.schedules),
        "tokens": {row["name"]: _token(row) for row in rows.tokens},
        "token_key": token_key,
    }
    document, unfit = fit(raw)
    lost = token_key is None and rows.token_key is not None
    return Found(raw, document, opening.unfit | unfit, lost)


class Opening:
    """Opens what is sealed, and notes what is not to be opened."""

    def __init__(self, vault: Vault) -> None:
        """Open with the keys of *vault*."""
        self._vault = vault
        self.unfit: dict[Key, str] = {}

    def token_key(self, sealed: bytes | None) -> str | None:
        """Open the key of tokens; None also when it cannot be opened."""
        try:
            key: str | None = self._vault.open(sealed).get("key")
        except SecretsUnreadable:
            return None
        return key

    def all(self, kind: str, rows: list[Row]) -> dict[str, Any]:
        """Open all of one kind that can be opened."""
        opened = {}
        for row in rows:
            try:
                opened[row["name"]] = _FORMS[kind](row, self._vault.open(row["sealed"]))
            except SecretsUnreadable:
                self.unfit[Key(kind, row["name"])] = UNREADABLE
        return opened


def _credential(row: Row, secrets: dict[str, Any]) -> dict[str, Any]:
    return secrets  # all of it is sealed


def _hook(row: Row, secrets: dict[str, Any]) -> dict[str, Any]:
    return {**row["spec"], **secrets}


def _schedule(row: Row, secrets: dict[str, Any]) -> dict[str, Any]:
    return {"spec": row["spec"], "secret_vars": secrets}


_FORMS: Final = {"credentials": _credential, "hooks": _hook, "schedules": _schedule}


def _token(row: Row) -> dict[str, Any]:
    expires_at = row["expires_at"]
    return {
        "id": row["id"],
        "digest": bytes(row["digest"]).hex(),
        "rights": row["rights"],
        "templates": row["templates"],
        "created_by": row["created_by"],
        "expires_at": expires_at.isoformat() if expires_at else None,
    }
