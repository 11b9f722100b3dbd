"""Playbooks of which each play leaves a line, and how often each run has so been played."""

from collections import Counter
from pathlib import Path

#: What a play does when it has written its line. `raw`, which needs no Python: searches are short.
DEEDS = {
    "quick": "'true'",
    "failing": "'false'",
    "sleeping": "sleep 300",
    "ignoring": "trap '' TERM INT HUP; while true; do sleep 1; done",
    "escaping": "setsid sleep 300 > /dev/null 2>&1 & sleep 300",
    "leaving": "setsid sleep 300 > /dev/null 2>&1 &",
}
#: Those that never end by themselves.
ENDLESS = frozenset({"sleeping", "ignoring", "escaping"})

PLAYBOOK = """
- hosts: all
  gather_facts: false
  tasks:
    - raw: echo $CURTAIN_RUN >> {ledger}
    - raw: {deed}
"""


class Ledger:
    """The file that the plays write to."""

    def __init__(self, file: Path) -> None:
        """Keep it in *file*."""
        self._file = file
        file.touch()

    def playbooks(self) -> dict[str, str]:
        """A playbook for each deed, by the name of its file."""
        return {
            f"{name}.yml": PLAYBOOK.format(ledger=self._file, deed=deed)
            for name, deed in DEEDS.items()
        }

    def plays(self) -> Counter[int]:
        """How often each run was played."""
        return Counter(int(line) for line in self._file.read_text().split())
