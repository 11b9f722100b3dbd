"""`python -m app backup` and `restore`: where DATABASE_URL and CURTAIN_SECRET_KEY are.

No calls of the API, because that tells nobody a secret.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import psycopg
from pydantic import Field

from app.backup import document, reading, restoring
from app.backup.document import Document, objects
from app.bootstrap import installation
from app.bootstrap.errors import BootstrapError
from app.bootstrap.terminal import say
from runner.errors import RunnerError
from runner.store.connection import Connection, connect
from runner.store.migrate import require_schema
from runner.store_settings import StoreSettings
from runner.vault import Vault

OCCUPIED: Final = 3  # the exit code: something else is there by the same names


class BackupSettings(StoreSettings):
    """What a backup needs."""

    backup_key: str = Field(
        alias="CURTAIN_BACKUP_KEY",
        min_length=16,
        repr=False,
        description="seals backups; after a comma older keys, which still open theirs",
    )


def backup(environ: Mapping[str, str]) -> int:
    """Write a backup to standard output, or nothing. Return the exit code."""
    with _installation(environ) as (settings, conn):
        found = reading.read_whole(conn, Vault(settings.secret_key))
        text = document.write(found.content, settings.backup_key)
    sys.stdout.write(text)
    sys.stdout.flush()
    say(f"a backup of {_counted(found.document)}")
    return 0


def restore(environ: Mapping[str, str], *, replace: bool) -> int:
    """Put the backup on standard input, all of it or nothing. Return the exit code."""
    if os.isatty(sys.stdin.fileno()):
        raise BootstrapError("a backup is read from standard input: restore < FILE")
    with _installation(environ) as (settings, conn):
        text = sys.stdin.buffer.read().decode("utf-8", "replace")
        wanted = document.read(text, settings.backup_key)
        try:
            made = restoring.restore(conn, Vault(settings.secret_key), wanted, replace=replace)
        except restoring.Occupied as error:
            say(f"nothing was changed: {error}")
            return OCCUPIED
    for line in restoring.told(made):
        print(line, flush=True)
    say(f"all is as in the backup of {wanted.made_at:%Y-%m-%d %H:%M %Z}: {_counted(wanted)}")
    return 0


@contextmanager
def _installation(environ: Mapping[str, str]) -> Iterator[tuple[BackupSettings, Connection]]:
    """Open it. Whatever a person can act on within becomes a BootstrapError."""
    try:
        settings = BackupSettings.from_environ(installation.filled(environ))
        with connect(settings.database_url) as conn:
            require_schema(conn)
            yield settings, conn
    except RunnerError as error:
        raise BootstrapError(f"nothing was done: {error}") from None
    except psycopg.OperationalError as error:
        raise BootstrapError(f"start it again when Postgres answers: {error}") from None


def _counted(what: Document) -> str:
    counts = Counter(key.kind for key in objects(what))
    return ", ".join(f"{counts[kind]} {kind}" for kind in document.KINDS)
