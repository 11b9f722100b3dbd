"""What came of each host, as Ansible's own recap counts it: written at its end by our plugin.

A playbook can write into the file too, so it is read as a stranger's: one entry that is none makes
all of it unknown. Half a truth would send a rerun to half of the hosts.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from runner.paper import open_plain
from runner.plugin import RECAP

log = logging.getLogger(__name__)

LIMIT: Final = 8 * 1024 * 1024  # bytes; 50,000 hosts take 2 to 3 MB
MOST: Final = 50_000  # hosts; more would not be written within the limit of a statement
LONGEST_NAME: Final = 500  # characters, of at most 4 bytes: an index of Postgres takes 2,704
BIGGEST: Final = 2**31 - 1  # of Postgres' integer


class HostResult(NamedTuple):
    """How many of a host's tasks ended in which way."""

    host: str
    ok: int
    changed: int
    unreachable: int
    failed: int
    skipped: int
    rescued: int
    ignored: int


def read_recap(directory: str | None) -> tuple[HostResult, ...] | None:
    """The results that the playbook of the run in *directory* has told. None when they are not."""
    try:
        with open_plain(Path(directory or "/nonexistent") / RECAP) as file:
            raw = file.read(LIMIT + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        log.warning("the recap of a run cannot be read: %s", error)
        return None
    return parse(raw) if len(raw) <= LIMIT else None


def parse(raw: bytes) -> tuple[HostResult, ...] | None:
    """Read {host: [counts]}. None for anything else."""
    try:
        told = json.loads(raw or b"null")
    except (ValueError, RecursionError):  # the latter from brackets in brackets
        told = None
    if not isinstance(told, dict) or len(told) > MOST or not all(map(is_result, told.items())):
        return None
    return tuple(HostResult(host, *counts) for host, counts in told.items())


def is_result(item: tuple[str, Any]) -> bool:
    """Whether it is a name that Postgres can keep and as many counts as there are."""
    host, counts = item
    is_name = 0 < len(host) <= LONGEST_NAME and host.isprintable()
    are_counts = isinstance(counts, list) and len(counts) == len(HostResult._fields) - 1
    return is_name and are_counts and all(map(is_count, counts))


def is_count(value: object) -> bool:
    """Whether it is a whole number that an integer can hold."""
    return type(value) is int and 0 <= value <= BIGGEST


def columns(results: tuple[HostResult, ...]) -> Mapping[str, list[Any]]:
    """Turn rows into columns, by name."""
    return {
        name: [result[place] for result in results] for place, name in enumerate(HostResult._fields)
    }
