"""Say something where a chat command is answered: what its chat does not read in our answer."""

import logging
from http import HTTPStatus
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError

from jobs.notifications import DESK, Desk
from jobs.outward import Forbidden, Unreachable, exchange
from jobs.targets import discord
from jobs.targets.message import Request, post_json
from runner import reply
from runner.credential import ApiToken
from runner.errors import RunnerError
from runner.opening import open_one
from runner.queue import queue_of_notifications
from runner.reply import (
    DiscordFollowup,
    MattermostResponseUrl,
    SlackResponseUrl,
    SlackThread,
    Telegram,
)
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
    """Write for its place what was meant for the answer to the command."""
    match place:
        case SlackResponseUrl() | MattermostResponseUrl():
            return post_json(place.url, body)
        case DiscordFollowup():
            return post_json(discord.follow_up_url(place), body["data"])
        case SlackThread():
            token = _token(desk, place.credential)
            method = "chat.postEphemeral" if "user" in body else "chat.postMessage"
            headers = {"Authorization": f"Bearer {token.token}"}
            return post_json(f"{token.base_url}/{method}", body, headers)
        case Telegram():
            token = _token(desk, place.credential)
            return post_json(f"{token.base_url}/bot{token.token}/{body['method']}", body)
        case _:
            raise reply.ReplyRefused


def _token(desk: Desk, name: str) -> ApiToken:
    token = open_one(desk.line.conn(), desk.vault, name)
    if not isinstance(token, ApiToken):
        raise reply.ReplyRefused(f"the api_token {name!r} is gone")
    return token
