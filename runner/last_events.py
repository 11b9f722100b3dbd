"""Events that a dead or frozen runner has left in a run's directory, stored by who settles it."""

import logging
from pathlib import Path

from runner import uses
from runner.errors import RunnerError
from runner.masks import Mask
from runner.opening import open_credentials, to_hide
from runner.run import Run
from runner.store import credentials
from runner.store.connection import Connection
from runner.telling import Telling
from runner.vault import Vault

log = logging.getLogger(__name__)


def store_rest(
    conn: Connection, run: Run, vault: Vault, *, limit: int, exit_code: int | None
) -> bool | None:
    """Store what is left of a run whose lease is ours and whose family is gone.

    Whether all of it is stored then; None where there was nothing to tell.
    """
    if run.playing_at is None or run.directory is None:
        return None
    try:
        mask = mask_of(conn, run, vault)
    except RunnerError as error:
        log.warning("run %d: its last events are not stored: %s", run.id, error)
        return False
    telling = Telling(Path(run.directory), mask, limit)
    telling.open()
    telling.end()
    if run.stop_requested_at is not None:
        telling.hurry()
    try:
        while telling.waiting:
            if not telling.write(conn, run):
                return False  # the lease is another's, and so is the end
    finally:
        telling.close()
    return telling.is_complete(exit_code)


class SecretsUnknown(RunnerError):
    """A credential of it has changed since it began: what to hide is not known any more."""

    code = "secrets_unknown"


def mask_of(conn: Connection, run: Run, vault: Vault) -> Mask:
    """Hide what its runner would hide. Raise RunnerError when that is not known."""
    names = uses.names(uses.of_run(run.spec))
    if run.claimed_at is None or credentials.changed_since(conn, list(names), run.claimed_at):
        raise SecretsUnknown
    opened = open_credentials(conn, vault, run.spec)
    return Mask(to_hide(vault.open(run.secrets), opened))
