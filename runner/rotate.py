"""`python -m runner.rotate`: seal every secret anew with the first key of CURTAIN_SECRET_KEY.

While runs are queued and playing, any number of times, and safe to stop at any moment: it goes row
by row, and what the first key has sealed is left as it is.
"""

import os
import sys
from dataclasses import dataclass, field

import psycopg

from runner.errors import RunnerError
from runner.store import sealed
from runner.store.connection import Connection, connect
from runner.store.migrate import require_schema
from runner.store.sealed import Place, Sealed
from runner.store_settings import SettingsInvalid, StoreSettings
from runner.vault import SecretsUnreadable, Vault

BATCH = 100  # rows; each may be as large as a request's body, 1 MB

UNREADABLE = 1  # the exit code: something has a key that was not given
FAILED = 2  # the exit code: it could not be begun, or not be ended


@dataclass
class Tally:
    """What was found in one place."""

    renewed: int = 0
    #: Sealed with the first key before.
    current: int = 0
    #: The keys of the rows that no key reads.
    unreadable: list[str | int] = field(default_factory=list)


def main() -> int:
    """Rotate as the environment says."""
    try:
        settings = StoreSettings.from_environ(os.environ)
    except SettingsInvalid as error:
        print(f"nothing was done: {error}", file=sys.stderr)
        return FAILED
    return rotate_at(settings.database_url, settings.secret_key)


def rotate_at(database_url: str, secret_key: str) -> int:
    """Rotate what is in one database, and tell what came of it. Return the exit code."""
    try:
        with connect(database_url) as conn:
            require_schema(conn)
            return rotate(conn, Vault(secret_key))
    except RunnerError as error:
        print(f"nothing was done: {error}", file=sys.stderr)
    except psycopg.OperationalError as error:
        print(f"not all is done, start it again when Postgres answers: {error}", file=sys.stderr)
    return FAILED


def rotate(conn: Connection, vault: Vault) -> int:
    """Seal all that there is, and name what cannot be read. Return the exit code."""
    exit_code = 0
    for place in sealed.PLACES:
        tally = renew_all(conn, vault, place)
        print(
            f"{place.what}s: {tally.renewed} sealed anew, {tally.current} were already, "
            f"{len(tally.unreadable)} unreadable",
            flush=True,
        )
        for key in tally.unreadable:
            print(f"none of the keys reads the {place.what} {key}", file=sys.stderr)
            exit_code = UNREADABLE
    return exit_code


def renew_all(conn: Connection, vault: Vault, place: Place) -> Tally:
    """Seal what is in one place. What is put at the same time is looked at again."""
    tally, after = Tally(), place.start
    while batch := sealed.batch(conn, place, after=after, limit=BATCH):
        for row in batch:
            if not _renew(conn, vault, place, row, tally):
                break
            after = row.key
    return tally


def _renew(conn: Connection, vault: Vault, place: Place, row: Sealed, tally: Tally) -> bool:
    """Seal one. False if it has become another meanwhile, or is gone."""
    try:
        value = vault.renew(row.value)
    except SecretsUnreadable:
        tally.unreadable.append(row.key)
        return True
    if value is None:
        tally.current += 1
        return True
    if not sealed.replace(conn, place, row, value):
        return False
    tally.renewed += 1
    return True


if __name__ == "__main__":
    sys.exit(main())
