"""What is kept for a while only: the oldest of it goes, a small batch at a time, so that no round
of the watchdog is long and no table is locked."""

import logging

from runner.store import audit, deliveries, notifications, sessions
from runner.store.connection import Connection

log = logging.getLogger(__name__)

BATCH = 500  # rows of one round; a round every five seconds deletes 8 million a day
DELIVERIES = 90 * 86_400.0  # seconds; as long a delivery that comes again is the same one
NOTIFICATIONS = 30 * 86_400.0  # seconds; nobody wants to be told of what is older
AUDIT = 400 * 86_400.0  # seconds; a year, and time to look back at it


def forget_old(conn: Connection) -> None:
    """Delete a batch of what is too old."""
    if forgotten := deliveries.forget(conn, older_than=DELIVERIES, limit=BATCH):
        log.info("%d deliveries of hooks are older than is kept, and gone", forgotten)
    if forgotten := notifications.forget(conn, older_than=NOTIFICATIONS, limit=BATCH):
        log.info("%d notifications are older than is kept, and gone", forgotten)
    if forgotten := audit.forget(conn, older_than=AUDIT, limit=BATCH):
        log.info("%d entries of the audit are older than is kept, and gone", forgotten)
    sessions.forget(conn, limit=BATCH)
