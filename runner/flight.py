"""On which hosts a run may go on although its family is gone: what its callback plugin has told.

The plugin (runner/ansible/callbacks) appends lines to a file in the run's directory, and now and
then one that sums up all before it: only what follows the last of those is read.
"""

import io
import json
import logging
import os
from pathlib import Path
from typing import Any, BinaryIO, Final

from runner.judge import storable
from runner.paper import open_plain
from runner.plugin import FLIGHT

log = logging.getLogger(__name__)

SUM: Final = b'{"event":"open"'
FIRST: Final = 128 * 1024  # bytes; the plugin sums up after 64 KB
LIMIT: Final = 16 * 1024 * 1024  # bytes; room for a sum of 50,000 hosts and jobs


def may_continue_on(directory: str | None, *, has_played: bool = False) -> list[str] | None:
    """Name the hosts with a task in flight or an async job. None when that is not known.

    *directory* is the run's; None when it never had one. Its leader makes the file just before it
    becomes ansible-playbook, and the plugin writes its first line before the first task: where it
    *has_played* and there is no file, somebody has removed it.
    """
    if directory is None:
        return []
    try:
        with open_plain(Path(directory) / FLIGHT) as file:
            return in_flight(tail(file))
    except FileNotFoundError:
        return [] if Path(directory).is_dir() and not has_played else None
    except OSError as error:
        log.warning("what was in flight cannot be read: %s", error)
        return None


def tail(file: BinaryIO) -> list[bytes]:
    """Read the lines from the last sum on. Empty when there is none within the limit."""
    end = file.seek(0, io.SEEK_END)
    size = FIRST
    while True:
        file.seek(max(0, end - size), os.SEEK_SET)
        raw = file.read(size)
        at = raw.rfind(b"\n" + SUM) + 1
        if raw.startswith(SUM, at):
            return raw[at:].split(b"\n")[:-1]  # what is torn has no end of line
        if size >= min(end, LIMIT):
            return []
        size = min(size * 4, LIMIT)


def in_flight(lines: list[bytes]) -> list[str] | None:
    """Add up *lines*, of which the first is a sum. None without one."""
    tasks: dict[str, str] = {}
    jobs: dict[str, str] = {}
    is_known = False
    for line in lines:
        told = parse(line)
        match told.get("event"):
            case "open":
                is_known = True
                tasks, jobs = names(told.get("tasks")), names(told.get("jobs"))
            case "began" if not told.get("local"):
                tasks[str(told.get("host"))] = str(told.get("on", told.get("host")))
            case "ended" | "began":
                tasks.pop(str(told.get("host")), None)
            case "job":
                jobs[str(told.get("job"))] = str(told.get("on"))
            case "job_ended":
                jobs.pop(str(told.get("job")), None)
    hosts = {*tasks.values(), *jobs.values()}
    return sorted(map(storable, hosts)) if is_known else None


def parse(line: bytes) -> dict[str, Any]:
    """Read one line; nothing when it is none."""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):  # the latter from brackets in brackets
        return {}
    return told if isinstance(told, dict) else {}


def names(told: object) -> dict[str, str]:
    """Read a mapping of names."""
    pairs = told.items() if isinstance(told, dict) else ()
    return {str(key): str(value) for key, value in pairs}
