"""The faults of one run, kept from the others."""

import logging
from collections.abc import Callable

import psycopg

from runner.live import Live
from runner.store.connection import AWAY

log = logging.getLogger(__name__)


def alone(live: Live, step: Callable[..., None], *given: object) -> None:
    """Take a step for one run whose fault must not be that of the others."""
    try:
        step(*given)
    except AWAY:
        raise
    except psycopg.Error as error:
        # Not the traceback: what Postgres tells of a refused row has its variables.
        log.error("run %d: Postgres refuses: %s", live.run.id, error.diag.message_primary)
    except Exception:
        log.exception("run %d: a step of it failed", live.run.id)
