"""The directories and cgroups of runs and zygotes, and the removal of those that nobody removed.

A directory may have secrets in it.
"""

import logging
import re
import secrets
import shutil
import subprocess
import time
from pathlib import Path

from runner.cgroup import groups
from runner.command import control_path
from runner.left_modules import left_modules
from runner.run import Run, RunState
from runner.store import runs
from runner.store.connection import Connection
from runner.zygote_handle import PREFIX, remove_left

log = logging.getLogger(__name__)

#: What make_directory calls them.
NAME = re.compile(r"(?P<run>[0-9]{1,18})-[0-9a-f]{8}")
YOUNG = 60.0  # seconds; a directory is made a moment before its run is registered


def make_directory(runs_directory: Path, installation: str, run_id: int) -> Path:
    """A directory that no other attempt of the run has had; see NAME."""
    ours = runs_directory / installation
    ours.mkdir(mode=0o700, parents=True, exist_ok=True)
    own = ours / f"{run_id}-{secrets.token_hex(4)}"
    own.mkdir(mode=0o700)
    return own


def remove_directory(directory: Path) -> None:
    """Remove a run's directory and what belongs to it, whatever a playbook has made there."""
    for left in left_modules(directory):
        log.info("%s was left behind by Ansible and is removed", left)
        _remove_tree(left)
    shutil.rmtree(control_path(directory), ignore_errors=True)
    _remove_tree(directory)


def _remove_tree(directory: Path) -> None:
    try:
        shutil.rmtree(directory, onerror=_warn)
    except RecursionError:  # a thousand directories in each other are too deep for Python
        subprocess.run(["rm", "-rf", "--", str(directory)], check=False)


def _warn(_: object, path: str, error: tuple[type, BaseException, object]) -> None:
    if isinstance(error[1], RecursionError):
        raise error[1]
    log.warning("%s: %s", path, error[1])


def sweep_directories(conn: Connection, runs_directory: Path) -> None:
    """Remove the directories and groups whose run is not running, or runs in another one."""
    installation = runs.installation(conn)
    here = runs_directory / installation
    directories = here.iterdir() if here.exists() else ()
    old = {path: path.name for path in directories if _age(path) > YOUNG}
    for directory in old:
        if directory.name.startswith(PREFIX):
            remove_left(directory)
    for directory in _left_behind(conn, old):
        log.warning("%s was left behind and is removed", directory)
        remove_directory(directory)
    # At any age: a leader makes one when its run has long been running, and another's is left.
    ours = {group.directory: (name, group) for _, name, group in groups(installation)}
    for directory in _left_behind(conn, {path: name for path, (name, _) in ours.items()}):
        if ours[directory][1].remove():  # else somebody lives in it, who is not ours to kill here
            log.info("%s was left behind and is removed", directory)


def _left_behind(conn: Connection, names: dict[Path, str]) -> list[Path]:
    """Tell those that no running run has; *names* are those of the directories of runs."""
    matches = {path: NAME.fullmatch(name) for path, name in names.items()}
    ours = {path: int(match["run"]) for path, match in matches.items() if match}
    known = {run.id: run for run in runs.find_many(conn, set(ours.values()))}
    return [path for path, run_id in ours.items() if not _has(known.get(run_id), names[path])]


def _has(run: Run | None, name: str) -> bool:
    """Whether the run plays, and is not known to use another directory: of a later attempt."""
    if run is None or run.state is not RunState.RUNNING:
        return False
    # By name, which no other attempt has: the path may lead through a link or another mount.
    return run.directory is None or Path(run.directory).name == name


def _age(path: Path) -> float:
    try:
        return time.time() - path.lstat().st_mtime
    except OSError:
        return 0.0
