"""A standby may be behind: nobody who judges runs by what it knows talks to one."""

from pathlib import Path

import psycopg
import pytest

from runner.store.connection import Line
from tests.servers import own_servers
from tests.waiting import wait_until


def is_in_recovery(url: str) -> bool:
    try:
        with psycopg.connect(url) as conn:
            return conn.execute("SELECT pg_is_in_recovery()").fetchone() == (True,)
    except psycopg.OperationalError:
        return False  # it is starting


def test_a_line_takes_no_standby():
    with own_servers() as (database, _):
        with psycopg.connect(database.url) as conn:
            (place,) = conn.execute("SHOW data_directory").fetchone()
        database.stop()
        (Path(place) / "standby.signal").touch()
        database.start_without_waiting()
        wait_until(lambda: is_in_recovery(database.url))

        with pytest.raises(psycopg.OperationalError, match="standby"):
            Line(database.url).conn()
