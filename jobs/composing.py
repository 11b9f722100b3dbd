"""From a notification to the message that is sent: its target, its credential, its builder."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from jobs.outcome import TRIES
from jobs.targets import (
    callback,
    commit_status,
    discord,
    email,
    google_chat,
    mattermost,
    slack,
    teams,
    telegram,
)
from jobs.targets.message import Message, Request, Undeliverable
from jobs.targets.told import Told
from runner import reply
from runner.credential import ApiToken, Credential, Webhook
from runner.notification import Callback, CommitStatus, Email, IncomingWebhook, Notification
from runner.opening import open_one
from runner.settings import Settings
from runner.store import outbox
from runner.store.connection import Connection
from runner.vault import Vault

#: Messages of incoming webhooks, by their chat.
INCOMING: dict[str, Callable[[Told, Webhook], Request]] = {
    "slack": slack.incoming,
    "mattermost": mattermost.incoming,
    "rocketchat": mattermost.rocketchat,
    "discord": discord.incoming,
    "teams": teams.incoming,
    "google_chat": google_chat.incoming,
}


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
    target = _target(notification, vault)
    if isinstance(target, Email):
        return email.build(told, target, settings.smtp_from)
    name = getattr(target, "credential", None)
    return _build(told, target, _opened(conn, vault, name) if name else None)


def _target(notification: outbox.Notification, vault: Vault) -> Any:
    if notification.target < 0:
        return reply.read(vault.open(notification.run.reply))
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
        case CommitStatus(), ApiToken():
            return commit_status.build(told, target, credential)
        case IncomingWebhook(), Webhook():
            return INCOMING[target.kind](told, credential)
        case reply.SlackThread(), ApiToken():
            return slack.thread(told, target, credential)
        case reply.Telegram(), ApiToken():
            return telegram.answer(told, target, credential)
        case reply.SlackResponseUrl(), None:
            return slack.answer(told, target)
        case reply.MattermostResponseUrl(), None:
            return mattermost.answer(told, target)
        case reply.DiscordFollowup(), None:
            return discord.answer(told, target)
    raise Undeliverable("the credential is of another kind by now")
