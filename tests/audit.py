"""Eyes of our own, beside Curtain's: every final row ever written, every process marked as ours."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg

from runner.mark import INSTALLATION, RLIMIT_LOCKS, RUN, brand

#: Keeps a copy of each final row whenever one is written, also of one that should not be.
TABLE = """
CREATE TABLE final_versions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id bigint NOT NULL,
    version jsonb
);
CREATE FUNCTION keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO final_versions (run_id, version) VALUES (OLD.id, to_jsonb(NEW));
    RETURN NULL;
END $$;
CREATE TRIGGER keep_version_update AFTER UPDATE ON runs FOR EACH ROW
    WHEN (NEW.finished_at IS NOT NULL OR OLD.finished_at IS NOT NULL)
    EXECUTE FUNCTION keep_version();
CREATE TRIGGER keep_version_delete AFTER DELETE ON runs FOR EACH ROW
    EXECUTE FUNCTION keep_version();
"""


def install(conn: psycopg.Connection[Any]) -> None:
    """Watch the table of runs from now on."""
    conn.execute(TABLE)


def final_rows(conn: psycopg.Connection[Any]) -> dict[int, list[dict[str, Any] | None]]:
    """Every version of every final row, in order, by run; None: it was deleted."""
    versions: dict[int, list[dict[str, Any] | None]] = {}
    for noted in conn.execute("SELECT run_id, version FROM final_versions ORDER BY id").fetchall():
        versions.setdefault(noted["run_id"], []).append(noted["version"])
    return versions


def marked(installation: str) -> dict[int, list[int]]:
    """The pids of living processes with a run's mark or brand, by run; zombies are dead."""
    found: dict[int, list[int]] = {}
    for process in psutil.process_iter():
        try:
            run_id = run_of(process, installation)
        except psutil.Error:
            continue
        if run_id is not None:
            found.setdefault(run_id, []).append(process.pid)
    return found


def running(word: str) -> list[int]:
    """The pids of living processes with *word* in their command line, whoever they belong to.

    Any thread of one may tell: a process whose first thread has ended has no command line itself.
    """
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if word in _command(pid)]


def _command(pid: int) -> str:
    with suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            command = Path(f"/proc/{pid}/task/{thread}/cmdline").read_bytes()
            if command:
                return command.replace(b"\0", b" ").decode(errors="replace")
    return ""


def describe(pids: Iterable[int]) -> list[str]:
    """Say what these processes are."""
    described = []
    for pid in sorted(pids):
        try:
            process = psutil.Process(pid)
            described.append(f"{pid} {process.status()} {' '.join(process.cmdline())[:120]}")
        except psutil.NoSuchProcess:
            continue
    return described


def run_of(process: psutil.Process, installation: str) -> int | None:
    """Tell which run a process belongs to. None if to none, or if it is dead."""
    if process.status() == psutil.STATUS_ZOMBIE:
        return None
    soft, _ = process.rlimit(RLIMIT_LOCKS)
    if soft >> 32 == brand(0, installation) >> 32:
        return soft & 0xFFFFFFFF
    environ = process.environ()
    is_ours = environ.get(INSTALLATION) == installation
    return int(environ[RUN]) if is_ours and environ.get(RUN, "").isdigit() else None
