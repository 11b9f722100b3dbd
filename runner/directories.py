"""The directories of runs, and the removal of those that nobody removed: secrets may be in them."""

import logging
import re
import shutil
import time
from pathlib import Path

from runner.command import control_path
from runner.run import Run, RunState
from runner.store import runs
from runner.store.connection import Connection

log = logging.getLogger(__name__)

#: What starts.py calls them.
NAME = re.compile(r"(?P<run>[0-9]{1,18})-[0-9a-f]{8}")
YOUNG = 60.0  # seconds; a directory is made a moment before its run is registered


def remove_directory(directory: Path) -> None:
    """Remove a run's directory and its ssh sockets."""
    shutil.rmtree(control_path(directory), ignore_errors=True)
    shutil.rmtree(directory, onerror=lambda _, path, error: log.warning("%s: %s", path, error[1]))


def sweep_directories(conn: Connection, runs_directory: Path) -> None:
    """Remove the directories whose run is not running, or runs in another one."""
    here = runs_directory / runs.installation(conn)
    if not here.exists():
        return
    ours = {path: NAME.fullmatch(path.name) for path in here.iterdir() if _age(path) > YOUNG}
    old = {path: int(name["run"]) for path, name in ours.items() if name}
    known = {run.id: run for run in runs.find_many(conn, set(old.values()))}
    for directory, run_id in old.items():
        run = known.get(run_id)
        if run is None or run.state is not RunState.RUNNING or _is_in_another(run, directory):
            log.warning("%s was left behind and is removed", directory)
            remove_directory(directory)


def _is_in_another(run: Run, directory: Path) -> bool:
    """Whether the run is known to use another directory than this one of an older attempt."""
    # By name, which no other attempt has: the path may lead through a link or another mount.
    return run.directory is not None and Path(run.directory).name != directory.name


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
