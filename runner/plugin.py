"""How our callback plugin comes into ansible-playbook without changing what the user sees or sets.

A Python that starts with runner/ansible/site in front of its PYTHONPATH does the rest itself: see
there. What is no Python script starts as it would without us, and the hosts that its tasks are on
are not known.
"""

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

SITE: Final = Path(__file__).parent / "ansible" / "site"
#: What the plugin writes into, in the directory of a run.
FLIGHT: Final = "flight.jsonl"
#: What it writes at the end, beside that.
RECAP: Final = "recap.json"
#: What it tells of plays, tasks and results, beside that.
EVENTS: Final = "events.jsonl"
#: Where it is told which directories Ansible makes on this machine for modules, beside that.
MODULES: Final = "modules.txt"
HEAD: Final = 1024  # bytes; the kernel itself reads 256 of a first line
#: Options of Python that ignore PYTHONPATH (-E, -I) or sitecustomize (-S).
DEAF: Final = frozenset("EIS")


def loaded(
    environment: Mapping[str, str], executable: str, flight: Path, *, may_leave: bool = False
) -> dict[str, str]:
    """Add to *environment* what has *executable* load the plugin, which writes into *flight*.

    Where async jobs *may_leave* the run, nothing is told of the directories that they need.
    """
    if not hears_python_path(executable):
        return dict(environment)
    theirs = environment.get("PYTHONPATH")
    path = f"{SITE}{os.pathsep}{theirs}" if theirs else str(SITE)
    modules = {"CURTAIN_MODULES": str(flight.parent / MODULES)}
    leaving = {"CURTAIN_MAY_LEAVE": "1"} if may_leave else {}
    return {**environment, "PYTHONPATH": path, **told(flight), **modules, **leaving}


def told(flight: Path) -> dict[str, str]:
    """What is still in the environment when Ansible has been loaded, for the plugin itself."""
    return {"CURTAIN_FLIGHT": str(flight)}


def hears_python_path(executable: str) -> bool:
    """Whether it is a script whose Python reads PYTHONPATH."""
    try:
        with open(executable, "rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False  # executing it will tell why
    words = interpreter(head)
    if not words or not Path(words[0]).name.startswith("python"):
        return False
    options = [word for word in words[1:] if word.startswith("-")]
    return not any(DEAF & set(word) for word in options)


def interpreter(head: bytes) -> list[str]:
    """Find the interpreter and its options in the first lines of a script."""
    first, _, rest = head.decode(errors="replace").partition("\n")
    if not first.startswith("#!"):
        return []
    words = first[2:].split()
    if words == ["/bin/sh"] and rest.startswith("'''exec' "):
        # pip's way around a first line that is too long for the kernel, or has a blank in it.
        return shlex.split(rest.partition("\n")[0])[1:]
    if words and Path(words[0]).name == "env":
        return [word for word in words[1:] if word != "-S"]
    return words
