"""The connections of the web: a dead one costs its finder nothing."""

from collections.abc import Iterator
from contextlib import ExitStack

import psycopg
import pytest

from runner.store.connection import Connection, Pool, lend, pool
from tests.waiting import wait_until

MANY = 8
OTHERS = """SELECT pid FROM pg_stat_activity
             WHERE datname = current_database() AND application_name = 'curtain'"""


@pytest.fixture
def connections(database_url: str) -> Iterator[Pool]:
    """A pool in which many connections are idle."""
    with pool(database_url, size=MANY) as made:
        with ExitStack() as held:
            for _ in range(MANY):
                held.enter_context(lend(made))
        yield made


def test_connections_that_postgres_has_ended_are_passed_over(
    connections: Pool, conn: Connection
) -> None:
    """All at once, as a restart does it; the pool's own check had given up after three."""
    conn.execute(f"SELECT pg_terminate_backend(pid) FROM ({OTHERS}) AS others")
    wait_until(lambda: not conn.execute(OTHERS).fetchall())

    with lend(connections) as lent:
        assert lent.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_who_comes_when_all_are_lent_is_told_so(connections: Pool) -> None:
    with ExitStack() as held:
        for _ in range(MANY):
            held.enter_context(lend(connections))

        with pytest.raises(psycopg.OperationalError), lend(connections):
            pytest.fail("nine of eight")


def test_what_is_lent_comes_back_whatever_happens_to_it(connections: Pool) -> None:
    for _ in range(2 * MANY):
        with pytest.raises(ZeroDivisionError), lend(connections):
            raise ZeroDivisionError
        with lend(connections) as lent:
            lent.close()
