"""A schedule, and the runs that come of it."""

from runner.firing import fire
from runner.store import runs, watch
from runner.vault import Vault

KEY = "a-key-of-the-tests"
VAULT = Vault(KEY)
#: No minute that begins while a test looks is another due time.
YEARLY = {"template": "deploy", "cron": "0 0 1 1 *"}
SECRET = {"password": "hunter2-of-the-night"}


def made(conn):
    """All runs."""
    rows = conn.execute("SELECT id FROM runs ORDER BY id").fetchall()
    return runs.find_many(conn, [row["id"] for row in rows])


def fire_now(conn, seen):
    made = fire(conn, VAULT, seen, watch.clock(conn))
    return made and made.run
