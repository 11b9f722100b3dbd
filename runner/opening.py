"""The credentials that a spec names, taken out of the database and opened."""

from collections.abc import Mapping
from typing import Any

from runner import uses
from runner.credential import Credential, CredentialUnreadable, restored, secrets
from runner.errors import RunnerError
from runner.store import credentials
from runner.store.connection import Connection
from runner.uses import CredentialsUnfit
from runner.vault import Vault


def open_credentials(
    conn: Connection, vault: Vault, spec: Mapping[str, Any]
) -> dict[str, Credential]:
    """The credentials that a run of *spec* uses, as they are now, without those of notifications.

    Raise RunnerError naming what fails.
    """
    spec = uses.of_run(spec)
    sealed = credentials.sealed(conn, uses.names(spec))
    opened = {name: _opened(vault, name, secret) for name, secret in sealed.items()}
    known = {name: uses.known(each) for name, each in opened.items()}
    if faults := uses.faults(spec, known):
        raise CredentialsUnfit("; ".join(f"{field}: {fault}" for field, fault in faults))
    return opened


def to_hide(variables: dict[str, Any], opened: Mapping[str, Credential]) -> dict[str, Any]:
    """All that must not be shown of a run: its secret *variables*, and what is *opened* for it."""
    return {"vars": variables, "credentials": [secrets(each) for each in opened.values()]}


def open_one(conn: Connection, vault: Vault, name: str) -> Credential | None:
    """The credential called *name*; None if there is none. Raise CredentialUnreadable."""
    sealed = credentials.sealed(conn, [name])
    return _opened(vault, name, sealed[name]) if sealed else None


def _opened(vault: Vault, name: str, sealed: bytes) -> Credential:
    try:
        return restored(vault.open(sealed))
    except RunnerError as error:
        raise CredentialUnreadable(f"the credential {name!r}: {error}") from None
