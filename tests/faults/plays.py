"""The playbooks of a world, by the name of their template."""

from pathlib import Path
from typing import Any

from tests import playbooks
from tests.repositories import Repository, make_repository
from tests.runners import LOCAL

CONFIG = "[defaults]\ncallback_plugins = ./plugins\ncallbacks_enabled = witness\n"
WITNESS = Path(__file__).with_name("plugins") / "witness.py"

#: Ends well after some seconds, told by the caller; says that it is ready before.
BRIEF = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="ready"
    - command: sleep {{ seconds }}
"""

#: More output than waits in memory, at once.
FLOODING = """
- hosts: all
  gather_facts: false
  tasks:
    - debug: msg="{{ 'x' * 5000000 }}"
    - debug: msg="ready"
"""

PLAYBOOKS = {
    "quick": playbooks.HELLO,
    "failing": playbooks.FAILING,
    "brief": BRIEF,
    "flooding": FLOODING,
    "sleeping": playbooks.SLEEPING,
    "ignoring": playbooks.IGNORING,
    "polite": playbooks.POLITE,
    "setsid": playbooks.SETSID,
    "double-fork": playbooks.DOUBLE_FORK,
    "async": playbooks.ASYNC,
}

#: Those that go on for minutes unless they are stopped, after they have said "ready".
ENDLESS = ("sleeping", "ignoring", "polite", "setsid", "double-fork", "async")


def make_plays(path: Path) -> Repository:
    """Make a repository with every playbook and the witness."""
    files = {f"{name}.yml": text for name, text in PLAYBOOKS.items()}
    witness = {"ansible.cfg": CONFIG, "plugins/witness.py": WITNESS.read_text()}
    return make_repository(path, {**files, **witness})


def template_of(name: str, repository: str, reports: Path, **more: Any) -> dict[str, Any]:
    """Write the body of a template; *more* is laid over it."""
    return {
        "playbook": {"repository": repository, "ref": "main", "path": f"{name}.yml"},
        "inventory": {"content": LOCAL},
        "accepts": {"seconds": {"type": "number", "default": 1}},
        "environment": {"WITNESS": str(reports)},
        "timeout": 120,
        "grace": 1,
        **more,
    }
