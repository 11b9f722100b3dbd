"""Say something where a chat command is answered: what its chat does not read in our answer."""

import logging
from http import HTTPStatus
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from jobs.notifications import DESK, Desk
from jobs.outward import Forbidden, Unreachable, exchange
from jobs.targets.message import Request, post_json
from runner import reply
from runner.credential import ApiToken
from runner.errors import RunnerError
from runner.opening import open_one
from runner.queue import queue_of_notifications
from runner.reply import SlackResponseUrl, SlackThread
from runner.vault import Vault

log = logging.getLogger(__name__)

SAY: Final = "jobs.says.say"
TRIES: Final = 2
PATIENCE: Final = 120  # seconds after which nobody waits for the answer any more
TIMEOUT: Final = 40


def enqueue(redis: Redis, vault: Vault, place: dict[str, Any], body: dict[str, Any]) -> None:
    """Have *body* said at *place*. Only Redis knows of it: what is lost can be asked for again."""
    sealed = vault.seal({"place": place, "body": body})
    assert sealed is not None
    try:
        queue_of_notifications(redis).enqueue_call(
            SAY,
            args=(sealed.decode(),),
            timeout=TIMEOUT,
            ttl=PATIENCE,
            result_ttl=0,
            failure_ttl=PATIENCE,
            description="an answer in a chat",
        )
    except RedisError as error:
        log.warning("an answer in a chat is not given, Redis is away: %s", error)


def say(sealed: str) -> None:
    """Send it, and once more if that fails in passing. Nothing depends on it: faults are logged."""
    desk = DESK.get()
    try:
        told = desk.vault.open(sealed.encode())
        request = _request(desk, reply.read(told["place"]), told["body"])
    except RunnerError as error:
        log.warning("an answer in a chat cannot be given: %s", error)
        return
    for _ in range(TRIES):
        try:
            answer = exchange(request, desk.way)
        except (Forbidden, Unreachable) as error:
            log.warning("an answer in a chat is not taken: %s", error)
            continue
        if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            if answer.status >= HTTPStatus.BAD_REQUEST:
                log.warning("an answer in a chat is refused: %d", answer.status)
            return


def _request(desk: Desk, place: Any, body: dict[str, Any]) -> Request:
    """Write it for its place."""
    match place:
        case SlackResponseUrl():
            return post_json(place.url, body)
        case SlackThread():
            token = open_one(desk.line.conn(), desk.vault, place.credential)
            assert isinstance(token, ApiToken)
            method = "chat.postEphemeral" if "user" in body else "chat.postMessage"
            headers = {"Authorization": f"Bearer {token.token}"}
            return post_json(f"{token.base_url}/{method}", body, headers)
        case _:
            raise reply.ReplyRefused
