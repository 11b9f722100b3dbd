"""What the endpoints need of the outside, made once per application."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore, Lock
from typing import Any

from flask import Flask
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from app.certificates import Certificates, fetch_certificates
from app.failures import Failures
from app.followers import Followers
from app.lasting import Lasting
from app.looks import Looks
from app.threads import Threads
from app.tokens import Tokens
from runner.settings import Settings
from runner.store import connection
from runner.store.connection import Connection, Pool
from runner.store.hooks import StoredHook
from runner.traces import open_traces
from runner.vault import Vault

REDIS_ANSWER = 3.0  # seconds; by default redis-py retries for longer than a caller waits
LARGE_BODIES = 2  # at once, in one process
HASTY = 0.5  # seconds, of which a delivery may need three; a chat waits for 3 in all


class Services:
    """Postgres, Redis, the vault, the tokens, the followers and the clock."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.time,
        fetch: Callable[[str], bytes] = fetch_certificates,
    ) -> None:
        """Connect to nothing yet: gunicorn may fork after this."""
        self.settings = settings
        #: What senders are believed by that sign with keys of their own.
        self.certificates = Certificates(fetch, clock)
        #: Seconds since 1970, by which signatures are too old.
        self.clock = clock
        self.vault = Vault(settings.secret_key)
        self.followers = Followers(settings.redis_url, settings.followers)
        #: What followers have just seen.
        self.looks: Looks[Any] = Looks()
        self.redis = _redis(settings, REDIS_ANSWER, tries=2)
        #: The same for senders with a deadline: what it does not do in time the watchdog does.
        self.hasty_redis = _redis(settings, HASTY, tries=1)
        self.threads = Threads()
        self.lasting = Lasting(clock)
        self.failures = Failures(self.hasty_redis, clock)
        self.tokens = Tokens(settings.admin_token, self.vault, self.connection, clock)
        #: Room for bodies beyond a megabyte, of which one may take ten times its size.
        self.large_bodies = BoundedSemaphore(LARGE_BODIES)
        #: The hooks that were called, as they were then, by name.
        self.hooks_seen: dict[str, StoredHook] = {}
        #: Where spans go; None when nobody wants them.
        self.traces = open_traces(settings, "curtain-web")
        self._pool: Pool | None = None
        self._lock = Lock()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend a connection to Postgres. Raise OperationalError when there is none in time."""
        with self._lock:
            if self._pool is None:
                size = self.settings.connections
                self._pool = connection.pool(self.settings.database_url, size=size)
        with connection.lend(self._pool) as conn:
            yield conn

    def close(self) -> None:
        """Let go of everything."""
        self.threads.close()
        self.tokens.close()
        if self.traces is not None:
            self.traces.flush()
        self.followers.close()
        self.redis.close()
        self.hasty_redis.close()
        with self._lock:
            if self._pool is not None:
                self._pool.close()


def _redis(settings: Settings, seconds: float, *, tries: int) -> Redis:
    return Redis.from_url(
        settings.redis_url,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
        retry=Retry(NoBackoff(), tries - 1),
    )


def services_of(app: Flask) -> Services:
    """Find what create_app has made for *app*."""
    services = app.extensions["curtain"]
    assert isinstance(services, Services)
    return services
