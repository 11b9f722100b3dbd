"""`python -m runner`: take runs, hold them, settle them; beside it watchdog, upkeep, dispatch."""

import logging
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

from redis.exceptions import RedisError

from runner import clients, logs
from runner.alarm import turn_deaf
from runner.dispatch import Dispatcher
from runner.errors import RunnerError
from runner.follow_ups import FollowUps
from runner.settings import Settings
from runner.store.connection import AWAY, Line
from runner.store.migrate import require_schema
from runner.supervise import Runner
from runner.upkeep import keep_up
from runner.vault import Vault
from runner.watchdog import Watchdog

log = logging.getLogger("runner")

AGAIN = 1.0  # seconds until a service that is away at the start is tried again


def main() -> int:
    """Serve until SIGTERM."""
    logs.configure()
    try:
        settings = Settings.from_environ(os.environ)
    except RunnerError as error:
        log.error("%s", error)
        return 2
    # The first process of a container has no default: while it waits, SIGTERM would do nothing.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    line = await_postgres(settings)
    runner = await_redis(settings, line)
    watchdog = Watchdog(settings, clients.connect(settings.redis_url), Line(settings.database_url))
    watching = threading.Thread(target=watchdog.watch, name="watchdog", daemon=True)
    watching.start()
    tidying = (settings, watchdog.closing, runner.disks)
    threading.Thread(target=keep_up, args=tidying, name="upkeep", daemon=True).start()
    dispatcher = Dispatcher(clients.connect(settings.redis_url), Line(settings.database_url))
    dispatching = (watchdog.closing,)
    threading.Thread(
        target=dispatcher.serve, args=dispatching, name="dispatcher", daemon=True
    ).start()
    follow_ups = FollowUps(
        runner.name,
        Vault(settings.secret_key),
        clients.connect(settings.redis_url),
        Line(settings.database_url),
    )
    threading.Thread(
        target=follow_ups.serve, args=(watchdog.closing,), name="follow-ups", daemon=True
    ).start()
    runner.work()
    watchdog.closing.set()
    watching.join(timeout=5)
    turn_deaf()
    return 0


def leave(number: int, frame: FrameType | None) -> NoReturn:
    """End well before anything has begun."""
    turn_deaf()
    sys.exit(0)


def await_postgres(settings: Settings) -> Line:
    """A line to a Postgres that has our schema; waits for both."""
    line = Line(settings.database_url)
    while True:
        try:
            require_schema(line.conn())
        except (RunnerError, *AWAY) as error:
            log.warning("waiting for Postgres: %s", error)
            time.sleep(AGAIN)
        else:
            return line


def await_redis(settings: Settings, line: Line) -> Runner:
    """A runner, once Redis answers."""
    while True:
        try:
            return Runner(settings, clients.connect(settings.redis_url), line)
        except RedisError as error:
            log.warning("waiting for Redis: %s", clients.explain(error))
            time.sleep(AGAIN)


if __name__ == "__main__":
    sys.exit(main())
