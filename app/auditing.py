"""What is noted for the audit of who does what."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from flask import request

from runner import noting
from runner.noting import Doer, given
from runner.store import audit
from runner.store.audit import Deed, Entry
from runner.store.connection import Connection

LONGEST_AGENT: Final = 200  # characters
LONGEST_NAME: Final = 300  # characters, of whoever a chat or a path names


class Action(StrEnum):
    """What can be done."""

    PUT_TEMPLATE = "template.put"
    DELETE_TEMPLATE = "template.delete"
    PUT_HOOK = "hook.put"
    DELETE_HOOK = "hook.delete"
    PUT_CREDENTIAL = "credential.put"
    DELETE_CREDENTIAL = "credential.delete"
    CREATE_TOKEN = "token.create"  # noqa: S105 - the name of an action
    REVOKE_TOKEN = "token.revoke"  # noqa: S105 - the name of an action
    PUT_SCHEDULE = "schedule.put"
    DELETE_SCHEDULE = "schedule.delete"
    TRIGGER = audit.TRIGGER
    RERUN = "run.rerun"
    STOP = "run.stop"
    FORCE = "run.force"
    APPROVE = "run.approve"
    DENY = "run.deny"
    SUPERSEDE = noting.SUPERSEDE
    REPLACE = noting.REPLACE
    DRAIN = "runner.drain"
    UNDRAIN = "runner.undrain"
    PAUSE = "maintenance.begin"
    RESUME = "maintenance.end"
    REDELIVER = "delivery.redeliver"
    RETRY = "notification.retry"
    SIGN_IN = "session.begin"
    SIGN_OUT = "session.end"
    RESTORE = "backup.restore"
    REFUSED = "refused"


def doer(name: str) -> Doer:
    """Whoever sends the request under way, as runs and events name them."""
    agent = request.headers.get("User-Agent", "")[:LONGEST_AGENT]
    return Doer(name[:LONGEST_NAME], request.remote_addr, _storable(agent) or None)


def note(
    conn: Connection,
    who: Doer,
    action: Action,
    target: str,
    *,
    template: str | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Note it in the transaction that does it. Nothing that is given may be a secret."""
    audit.write(
        conn,
        Entry(
            actor=who.name,
            action=action,
            target=_storable(target)[:LONGEST_NAME],
            template=template,
            address=who.address,
            agent=who.agent,
            before=before,
            after=after,
            detail=given(detail or {}),
        ),
    )


def deed(who: Doer, action: Action, **detail: Any) -> Deed:
    """What the audit says of a run that is made by it."""
    return Deed(who.name, action, who.address, who.agent, given(detail))


def _storable(text: str) -> str:
    """Leave out what Postgres keeps in no text."""
    return "".join(each for each in text if each.isprintable())
