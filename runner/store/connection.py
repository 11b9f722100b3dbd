"""Connections to Postgres that never hang: every wait for an answer has a bound."""

import logging
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.errors import _WaitTimeout
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool

log = logging.getLogger(__name__)

T = TypeVar("T")

#: What is raised when Postgres is away, or is a standby that is about to take over.
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
#: What Postgres says when its tables are of an older version than we are.
OLDER = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)

CONNECT = 3  # seconds to get a connection
WAIT = 5.0  # seconds to be lent one
STATEMENT = 8.0  # seconds for one statement
ANSWER = 10.0  # seconds for one answer of the server
LOCK = 1.0  # seconds for a lock, of what no run waits for
OPTIONS: Any = {"autocommit": True, "connect_timeout": CONNECT, "application_name": "curtain"}
AGAIN = 1.0  # seconds until a lost line is tried again


class DatabaseAway(psycopg.OperationalError):
    """Postgres does not answer."""


class Connection(psycopg.Connection[DictRow]):
    """A connection that gives up on a server that is there but silent.

    libpq waits for ever for a server that was frozen or cut off behind a proxy: neither
    statement_timeout (the server's own) nor keepalives (answered by its kernel) end that.
    """

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Run *gen* to its end. Close and raise DatabaseAway when it takes too long."""
        try:
            return super().wait(gen, interval, ANSWER if timeout is None else timeout)
        except _WaitTimeout as error:
            self.close()
            raise DatabaseAway(f"no answer within {ANSWER:g} seconds") from error


Pool = ConnectionPool[Connection]


def connect(url: str) -> Connection:
    """Connect, each statement its own transaction, rows as dictionaries.

    Raise OperationalError for a standby. It may be behind, and a family whose run it does not know
    yet would be one without a row, which the watchdog ends.
    """
    conn = Connection.connect(url, row_factory=dict_row, target_session_attrs="primary", **OPTIONS)
    limit_statements(conn)
    return conn


def connect_patiently(url: str) -> psycopg.Connection[DictRow]:
    """Connect for work that takes as long as it takes: a migration of a large table."""
    return psycopg.connect(url, row_factory=dict_row, **OPTIONS)


def limit_statements(conn: Connection) -> None:
    """Let the server give up before we do: what we gave up must not happen later."""
    conn.execute(f"SET statement_timeout = {int(STATEMENT * 1000)}")


@contextmanager
def giving_way(conn: Connection, patience: float = LOCK) -> Iterator[None]:
    """A transaction of what no run waits for: it gives up soon when others hold a lock."""
    with conn.transaction():
        conn.execute(f"SET LOCAL lock_timeout = {int(patience * 1000)}")
        yield


class Line:
    """The one connection of a loop: made anew when it was lost, but not in every turn."""

    def __init__(self, url: str) -> None:
        """Connect to *url* when first asked to."""
        self._url = url
        self._conn: Connection | None = None
        self._lost_at: float | None = None
        #: Since when Postgres has answered without a break; monotonic. None while it is away.
        self.up_since: float | None = None

    @property
    def is_up(self) -> bool:
        """Whether Postgres answered when it was last asked."""
        return self._lost_at is None

    def conn(self) -> Connection:
        """The connection. Raise DatabaseAway when there is none to be had now."""
        if self._conn is None or self._conn.closed:
            if self._lost_at is not None and time.monotonic() < self._lost_at + AGAIN:
                raise DatabaseAway("it will be tried again in a moment")
            self._conn = connect(self._url)
            if self._lost_at is not None:
                log.info("Postgres is back")
            self._lost_at = None
            self.up_since = time.monotonic()
        return self._conn

    def lose(self, error: Exception) -> None:
        """Note that it does not answer."""
        if self._lost_at is None:
            log.warning("Postgres is away, what happens is kept: %s", error)
        if self._lost_at is None or time.monotonic() > self._lost_at + AGAIN:
            self._lost_at = time.monotonic()
        self.up_since = None
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None


def pool(url: str, *, size: int) -> Pool:
    """Make a pool of up to *size* connections, opened when first needed; see lend."""
    return ConnectionPool(
        url,
        connection_class=Connection,
        kwargs={"row_factory": dict_row, **OPTIONS},
        configure=limit_statements,
        min_size=1,
        max_size=size,
        timeout=WAIT,
        max_idle=300,
        open=True,
    )


@contextmanager
def lend(connections: Pool) -> Iterator[Connection]:
    """Lend a living connection. Raise OperationalError when there is none in time.

    The pool's own check sleeps for a second and more after each dead connection (psycopg-pool
    3.3.1): after a restart of Postgres, which ends them all, that was the whole time-out.
    """
    deadline = time.monotonic() + WAIT
    conn = connections.getconn()
    while is_dead(conn):
        conn.close()
        connections.putconn(conn)  # which makes another in its place
        conn = connections.getconn(deadline - time.monotonic())
    try:
        yield conn
    finally:
        connections.putconn(conn)


def is_dead(conn: Connection) -> bool:
    """Whether the server has ended an idle connection. Asks nobody."""
    # Nothing is read outside of a query: a byte, or the end, can only be the server's good-bye.
    poll = select.poll()
    poll.register(conn.fileno(), select.POLLIN)
    return bool(poll.poll(0))
