"""From a notification to the message that is sent: its target, its credential, its builder."""

from datetime import datetime
from typing import Any

from jobs.outcome import TRIES
from jobs.targets import callback
from jobs.targets.message import Message, Undeliverable
from jobs.targets.told import Told
from runner.credential import Credential, Webhook
from runner.notification import Callback, Notification
from runner.opening import open_one
from runner.settings import Settings
from runner.store import outbox
from runner.store.connection import Connection
from runner.vault import Vault


def compose(
    conn: Connection,
    settings: Settings,
    vault: Vault,
    notification: outbox.Notification,
    now: datetime,
) -> Message:
    """Write what is to be sent. Raise NotYet, Skipped, or another RunnerError if it cannot be."""
    if notification.attempts >= TRIES:
        raise Undeliverable(f"its sender was killed, the last time in attempt {TRIES}")
    told = Told.of(notification, url=settings.url, now=now)
    target = _target(notification)
    name = getattr(target, "credential", None)
    return _build(told, target, _opened(conn, vault, name) if name else None)


def _target(notification: outbox.Notification) -> Any:
    entry = notification.run.spec["notifications"][notification.target]
    return Notification.model_validate(entry).to


def _opened(conn: Connection, vault: Vault, name: str) -> Credential:
    credential = open_one(conn, vault, name)
    if credential is None:
        raise Undeliverable(f"there is no credential {name!r} any more")
    return credential


def _build(told: Told, target: Any, credential: Credential | None) -> Message:
    match target, credential:
        case Callback(), Webhook():
            return callback.build(told, credential)
    raise Undeliverable("the credential is of another kind by now")
