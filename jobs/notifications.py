"""Tell one target of one event: the job that makes an attempt, in a thread of a sender."""

import logging
import random
import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from jobs import outcome
from jobs.composing import compose
from jobs.mail import MailRefused, hand_over
from jobs.outward import Forbidden, Unreachable, Way, exchange
from jobs.targets.message import Mail, Message, NotYet, Skipped
from runner.dispatch import LEASE
from runner.errors import RunnerError
from runner.mail_server import mail_server
from runner.settings import Settings
from runner.store import outbox
from runner.store.connection import AWAY, Connection, Line
from runner.store.outbox import Due, Notification, Outcome
from runner.vault import Vault

log = logging.getLogger(__name__)

PAUSE: Final = 2.0  # seconds until what cannot be told yet is looked at again
PATIENCE: Final = 20.0  # seconds that Postgres may be away while the outcome is to be noted
AGAIN: Final = 0.5  # seconds until it is tried again


@dataclass(frozen=True)
class Desk:
    """What a thread that sends has at hand."""

    settings: Settings
    vault: Vault
    line: Line
    way: Way


#: Of the thread that sends; set before its first job.
DESK: ContextVar[Desk] = ContextVar("DESK")


def send(notification_id: int, attempts: int) -> None:
    """Make the next attempt at a notification, after *attempts* before it, unless it was made."""
    desk, due = DESK.get(), Due(notification_id, attempts)
    conn = desk.line.conn()
    notification = outbox.find(conn, due)
    if notification is None:
        return
    try:
        message = compose(conn, desk.settings, desk.vault, notification, datetime.now(UTC))
    except NotYet:
        outbox.postpone(conn, due, seconds=PAUSE)
    except Skipped as why:
        outbox.give_up(conn, due, state="skipped", reason=str(why))
    except RunnerError as error:
        _give_up(conn, notification, str(error))
    except AWAY:
        raise
    except Exception as error:  # ours: the next attempt would be the same
        log.exception("run %d: notification %d", notification.run.id, notification.id)
        _give_up(conn, notification, f"it cannot be written: {type(error).__name__}, see the log")
    else:
        _attempt(conn, desk, notification, message)


def _give_up(conn: Connection, notification: Notification, reason: str) -> None:
    _log(notification, Outcome("dead", error=reason))
    due = Due(notification.id, notification.attempts)
    outbox.give_up(conn, due, state="dead", reason=reason)


def _attempt(conn: Connection, desk: Desk, notification: Notification, message: Message) -> None:
    due = Due(notification.id, notification.attempts)
    attempt = outbox.begin(conn, due, lease=LEASE)
    if attempt is None:
        return
    began = time.monotonic()
    came_of_it = _deliver(desk, message, due.attempts)
    seconds = time.monotonic() - began
    _log(notification, came_of_it)
    _note(desk.line, due, attempt, came_of_it, seconds)


def _deliver(desk: Desk, message: Message, attempts: int) -> Outcome:
    chance = random.random()  # noqa: S311 it spreads retries and guards nothing
    try:
        if isinstance(message, Mail):
            return _mail(desk, message)
        answer = exchange(message, desk.way)
    except Forbidden as error:
        return Outcome("dead", error=str(error))
    except Unreachable as error:
        return outcome.again(str(error), attempts=attempts, chance=chance)
    except MailRefused as error:
        return outcome.of_refusal(error.status, str(error), attempts=attempts, chance=chance)
    return outcome.of_answer(
        answer, message.reading, attempts=attempts, chance=chance, now=datetime.now(UTC)
    )


def _mail(desk: Desk, mail: Mail) -> Outcome:
    if desk.settings.smtp_url is None:
        return Outcome("dead", error="CURTAIN_SMTP_URL is not set")
    refused = hand_over(mail.message, mail_server(desk.settings.smtp_url), desk.way.tls)
    return Outcome("sent", outcome.MAIL_TAKEN, refused)


def _note(line: Line, due: Due, attempt: int, came_of_it: Outcome, seconds: float) -> None:
    """Write it down, also if Postgres is away for a moment: what was sent is not to be repeated."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            outbox.note(line.conn(), due, attempt, came_of_it, seconds=seconds)
        except AWAY as error:
            line.lose(error)
            if time.monotonic() > until:
                raise
            time.sleep(AGAIN)
        else:
            return


def _log(notification: Notification, came_of_it: Outcome) -> None:
    """Tell of what a person may have to look after."""
    if came_of_it.state != "sent":
        log.warning(
            "run %d: notification %d to target %d is %s: %s",
            notification.run.id,
            notification.id,
            notification.target,
            came_of_it.state,
            came_of_it.error,
            extra={"run": notification.run.id},
        )
