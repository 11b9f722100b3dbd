"""Tells what came of each host, as Ansible's own recap counts it, for runner/recap.py."""

from __future__ import annotations

import json
import os
from typing import Any

#: Beside the file of what is in flight; made by the leader too.
RECAP = "recap.json"
#: In the order of runner/recap.py, as AggregateStats.summarize calls them.
COUNTS = ("ok", "changed", "unreachable", "failures", "skipped", "rescued", "ignored")


class Recap:
    """Writes one object at the end: half of it is no JSON, and says nothing."""

    def __init__(self, flight: str) -> None:
        """Open the file beside *flight*. Raise OSError where there is none."""
        path = os.path.join(os.path.dirname(flight), RECAP)
        self._file = os.open(path, os.O_WRONLY | os.O_NOFOLLOW)

    def summed_up(self, stats: Any) -> None:
        """Write all of it at once."""
        counts = {str(name): stats.summarize(name) for name in stats.processed}
        rows = {name: [count[key] for key in COUNTS] for name, count in counts.items()}
        raw = json.dumps(rows, separators=(",", ":")).encode()
        if os.write(self._file, raw) != len(raw):
            os.ftruncate(self._file, 0)

    def give_up(self) -> None:
        """Leave what is there: an empty file, or none that could be written to."""
