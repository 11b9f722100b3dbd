"""A command done in the time that its chat waits for an answer; what takes longer is told later."""

import logging
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from app.hooks.chat_sender import Say
from app.threads import Threads
from runner.store.connection import AWAY

log = logging.getLogger(__name__)

PATIENCE: Final = 1.5  # seconds; Slack and Discord wait for three, in which the hook is found, too

DATABASE_AWAY: Final = Say(
    text="My database does not answer: nothing is known to have changed. Try again in a minute."
)
NOT_BEGUN: Final = Say(text="I am too busy just now, and nothing was done. Try again in a minute.")
LATE: Final = Say(text="This takes longer than it should. Ask for `status` in a moment.")


def in_time(threads: Threads, work: Callable[[], Say], later: Callable[[Say], None]) -> Say:
    """Do *work* and say what it says, or why it does not; that is said *later* then."""
    under_way = threads.start(work)
    try:
        return under_way.result(timeout=PATIENCE)
    except TimeoutError:
        if under_way.cancel():
            return NOT_BEGUN
    except AWAY as error:
        log.error("a command from a chat is not done: %s", error)
        return DATABASE_AWAY
    under_way.add_done_callback(lambda done: later(_said(done)))
    return LATE


def _said(done: Future[Say]) -> Say:
    error = done.exception()
    if error is None:
        return done.result()
    log.error("a command from a chat, long after its answer: %s", error, exc_info=error)
    return DATABASE_AWAY if isinstance(error, AWAY) else Say(text="That failed; my log tells why.")
