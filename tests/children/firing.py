"""Moves a schedule on and makes its run, in a transaction that it never ends."""

import sys

from runner.firing import fire
from runner.store import schedules, watch
from runner.store.connection import connect
from runner.vault import Vault

with connect(sys.argv[1]) as conn, conn.transaction():
    [seen] = schedules.due(conn, limit=10)
    made = fire(conn, Vault("a-key-of-the-tests"), seen, watch.clock(conn))
    print(made and made.run.id, flush=True)
    sys.stdin.read()
