"""Small projects that each touch another corner of Ansible: what a warm start must not change."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

LOCAL = "ansible_connection=local ansible_python_interpreter={python}"
ONE = f"one {LOCAL}\n"
TWO = f"{ONE}two {LOCAL}\n"


@dataclass(frozen=True)
class Case:
    """A project, and how its playbook is started."""

    name: str
    files: dict[str, str]
    #: INI, with {python} for this Python.
    inventory: str = ONE
    options: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)
    credentials: list[dict[str, str]] = field(default_factory=list)
    #: Its hosts take turns as they like.
    is_unordered: bool = False
    #: It starts cold even where a warm start is wanted.
    is_cold: bool = False

    def __str__(self) -> str:
        """Be called this in the tests."""
        return self.name


def _read() -> list[Case]:
    cases = yaml.safe_load(Path(__file__).with_name("corpus.yml").read_text())
    two = {"inventory": TWO}
    return [Case(**case | (two if case.get("inventory") == "two hosts" else {})) for case in cases]


CASES = _read()
