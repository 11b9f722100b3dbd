"""Finding the hook that is called, in a time that leaves its sender some."""

import logging
from http import HTTPStatus
from typing import Final, NamedTuple

from app.hooks.opened import OpenedHook, open_hook
from app.problems import Problem, unavailable
from app.services import Services
from runner.store import hooks
from runner.store.connection import AWAY
from runner.store.hooks import StoredHook
from runner.template import NAME

log = logging.getLogger(__name__)

LOOK: Final = 1.0  # seconds


class Found(NamedTuple):
    """A hook, and whether it is only remembered: Postgres does not answer.

    By what is remembered a sender can be believed and told so, and nothing else.
    """

    hook: OpenedHook
    is_remembered: bool


def find_called(services: Services, name: str) -> Found:
    """The hook called *name*. Raise a 404 or 503 problem."""
    is_remembered = False
    try:
        stored = services.threads.within(lambda: _look(services, name), LOOK)
    except (TimeoutError, *AWAY) as error:
        log.error("hook %s: Postgres does not answer: %s", name, error or "in time")
        stored, is_remembered = services.hooks_seen.get(name), True
        if stored is None:
            raise database_away() from None
    hook = open_hook(stored, services.vault, services.settings.url) if stored else None
    if hook is None or not hook.spec.enabled:
        raise Problem(HTTPStatus.NOT_FOUND, "there is no such hook")
    return Found(hook, is_remembered)


def database_away() -> Problem:
    """503 for a sender that can try again."""
    return unavailable("the database does not answer; nothing is known to have changed")


def _look(services: Services, name: str) -> StoredHook | None:
    """Look it up, and remember it; there are as many as an administrator has made."""
    if not NAME.fullmatch(name):
        return None
    with services.connection() as conn:
        stored = hooks.find(conn, name)
    if stored is None:
        services.hooks_seen.pop(name, None)
    else:
        services.hooks_seen[name] = stored
    return stored
