"""What a keeper has written down of a run whose runner is dead: the truth that outlived it."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.judge import End

log = logging.getLogger(__name__)


def read_lines(file: Path) -> list[dict[str, Any]]:
    """The lines of a status file; none when there is no such file, a torn last one is left out."""
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return []
    return list(parse_lines(raw.split(b"\n")[:-1]))


def parse_lines(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    """Read status lines; one that a full pipe or disk has torn is left out."""
    for line in lines:
        try:
            if line:
                yield json.loads(line)
        except ValueError:
            log.warning("a torn status line: %r", line[:200])


def recall(lines: list[dict[str, Any]]) -> End | None:
    """What is known of the end. None when the keeper did not live to see the family gone."""
    told = {line["event"]: line for line in lines}
    if "gone" not in told:
        return None
    ended = told.get("exit", {"code": None, "signalled": [], "never_started": False})
    first = next((line["why"] for line in lines if line["event"] == "signal"), None)
    reached = bool(ended["signalled"]) or ended["never_started"]
    return End(
        exit_code=ended["code"],
        signalled=tuple(line["signal"] for line in lines if line["event"] == "signal"),
        why=first if reached else None,
        never_started=ended["never_started"],
        refusal=told["refused"]["message"] if "refused" in told else None,
    )
