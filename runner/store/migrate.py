"""Apply the migrations, each once, in the order of their numbers.

Our own because yoyo 9.0.0 (last release 2024-08) keeps its lock as a row with a pid: a release
phase that is killed leaves it, and no pid means anything in the next container. An advisory lock
goes with its connection. It also does not see that an applied file was edited.
"""

import hashlib
import time
from importlib.resources import files

import psycopg
from psycopg.rows import DictRow

from runner.errors import RunnerError
from runner.store.connection import connect_patiently

Connection = psycopg.Connection[DictRow]

LOCK = 0x43555254  # "CURT": the advisory lock of migrations
AGAIN = 0.2  # seconds until it is tried again
LOCKED = (
    2.0  # seconds that a table may be waited for: behind us stops and renewals wait for it, too
)
PATIENCE = 600.0  # seconds until a table that is never free makes it fail
#: Begins a migration of indexes that are made while the table is written to: in no transaction, a
#: statement at a time. It may be killed anywhere and is begun anew, so it must say IF EXISTS.
CONCURRENTLY = "-- concurrently"


class MigrationChanged(RunnerError):
    """A migration that was already applied has been edited since."""


class TableBusy(RunnerError):
    """Somebody holds a table for longer than a migration waits."""


class SchemaMissing(RunnerError):
    """The database lacks migrations that this version needs."""


def _migrations() -> list[tuple[str, str]]:
    folder = files("runner.store") / "migrations"
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".sql")), key=str)
    return [(path.name, path.read_text()) for path in paths]


def _applied(conn: Connection) -> dict[str, str]:
    rows = conn.execute("SELECT name, digest FROM migrations").fetchall()
    return {row["name"]: row["digest"] for row in rows}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def migrate(database_url: str) -> list[str]:
    """Apply what is missing and name it. Any number may start at once: one does the work.

    Raise MigrationChanged when an applied file was edited.
    """
    with connect_patiently(database_url) as conn:
        _lock(conn)
        conn.execute(
            """CREATE TABLE IF NOT EXISTS migrations (
                   name text PRIMARY KEY,
                   digest text NOT NULL,
                   applied_at timestamptz NOT NULL DEFAULT now())"""
        )
        applied = _applied(conn)
        return [name for name, text in _migrations() if _apply(conn, applied, name, text)]


def _lock(conn: Connection) -> None:
    """Wait for whoever migrates already.

    Not within a statement: an index that is made concurrently waits for all statements to end,
    and this one would wait for that index.
    """
    while True:
        row = conn.execute("SELECT pg_try_advisory_lock(%s) AS taken", [LOCK]).fetchone()
        if row and row["taken"]:
            return
        time.sleep(AGAIN)


def _apply(conn: Connection, applied: dict[str, str], name: str, text: str) -> bool:
    digest = _digest(text)
    if name in applied:
        if applied[name] != digest:
            raise MigrationChanged(f"{name} was applied as another text; write a new migration")
        return False
    if text.startswith(CONCURRENTLY):
        for part in text.split(";"):
            conn.execute(part)
        _note(conn, name, digest)
    else:
        _in_one(conn, name, text, digest)
    return True


def _in_one(conn: Connection, name: str, text: str, digest: str) -> None:
    """Apply it in one transaction, as soon as its tables are free. Raise TableBusy."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with conn.transaction():
                conn.execute(f"SET LOCAL lock_timeout = {int(LOCKED * 1000)}")
                conn.execute(text)
                _note(conn, name, digest)
            return
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
            if time.monotonic() > until:
                raise TableBusy(f"{name} waits for a table that others hold: {error}") from error
            time.sleep(AGAIN)


def _note(conn: Connection, name: str, digest: str) -> None:
    conn.execute("INSERT INTO migrations (name, digest) VALUES (%s, %s)", [name, digest])


def require_schema(conn: Connection) -> None:
    """Raise SchemaMissing unless every migration of this version is applied."""
    known = conn.execute("SELECT to_regclass('migrations') IS NOT NULL AS known").fetchone()
    applied = _applied(conn) if known and known["known"] else {}
    missing = [name for name, _ in _migrations() if name not in applied]
    if missing:
        raise SchemaMissing(f"{', '.join(missing)} not applied: run `python -m app migrate` first")
