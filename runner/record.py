"""What a keeper has written down of a run whose runner is dead: the truth that outlived it."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.judge import End
from runner.told import Told

log = logging.getLogger(__name__)


def read_lines(file: Path) -> list[dict[str, Any]]:
    """The lines of a status file; none when it cannot be read, a torn last one is left out."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        log.warning("the record of a keeper cannot be read: %s", error)
        return []
    return list(parse_lines(raw.split(b"\n")[:-1]))


def parse_lines(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    """Read status lines; one that a full pipe or disk has torn is left out."""
    for line in lines:
        try:
            told = json.loads(line or b"null")
        except ValueError:
            told = None
        if isinstance(told, dict) and "event" in told:
            yield told
        elif line:
            log.warning("a torn status line: %r", line[:200])


def recall(lines: list[dict[str, Any]]) -> End | None:
    """What is known of the end. None when the keeper did not live to see the family gone.

    What it left is named by program only: arguments may hold secrets that are not known here.
    """
    told = Told()
    for line in lines:
        told.hear(line)
    if not told.is_gone:
        return None
    end = told.end()
    left = [{**each, "command": each["command"].partition(" ")[0]} for each in end.left]
    return replace(end, left=tuple(left))
