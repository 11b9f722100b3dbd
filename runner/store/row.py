"""A run's row as every statement gives it: its columns by name, never `*`.

Postgres keeps the plans of statements that are repeated, and refuses one whose result has another
shape than before ("cached plan must not change result type"). With a `*` that was every runner of
the version before, for good, from the moment a migration added a column.
"""

from typing import LiteralString

from runner.run import COLUMNS

#: The columns of the table that make a run. All but the last: that one is not stored.
STORED: LiteralString = ", ".join(name for name in COLUMNS if name != "stale")
#: As a move returns them, which has just seen the lease.
ROW: LiteralString = f"{STORED}, false AS stale"
