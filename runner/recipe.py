"""All that decides what Ansible reads while it is imported: by this a zygote fits a run, or not.

What names the run's own directory is written with RUN in its place, so that the runs of one
template have one recipe, as long as nothing changes that Ansible would read before its playbook.
"""

import hashlib
import importlib.util
import json
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

from runner import mark
from runner.ansible_config import find_config
from runner.paper import open_plain
from runner.plugin import HEAD, interpreter

log = logging.getLogger(__name__)

#: In the directory of a run that could have been warm and was not.
FILE: Final = "recipe.json"
LONGEST: Final = 2**20  # bytes
RUN: Final = "\x1aRUN\x1a"  # no path has it
#: In the environment, but of one run, and nothing that is imported reads it.
OWN: Final = frozenset({mark.RUN, mark.INSTALLATION, "ANSIBLE_SSH_CONTROL_PATH_DIR"})
#: How ansible-playbook begins wherever pip has written it.
ENTRY: Final = "from ansible.cli.playbook import main"
#: How variables begin that Python or the dynamic linker read as a process starts: those of the
#: keeper, which *environment* is compared with, and of Ansible would be one.
READ_AT_START: Final = ("PYTHON", "LD_", "GLIBC_", "MALLOC_")
ALLOWED: Final = {"PYTHONUNBUFFERED": "1"}
FILES: Final = ("__init__.py", "release.py", "constants.py", "config/base.yml")


@dataclass(frozen=True)
class Recipe:
    """How an ansible-playbook is started, but for what is of one run."""

    #: The command's path.
    script: str
    #: Of the files that are others when another Ansible is installed.
    stamps: list[list[Any]]
    #: The directory in which it is started.
    project: str
    environment: dict[str, str]
    #: The ansible.cfg that is read, and what is in it; None where there is none.
    config: list[str] | None
    may_leave: bool

    def write(self) -> str:
        """Write it for `read`."""
        return json.dumps(asdict(self), sort_keys=True)

    def difference(self, other: "Recipe") -> str | None:
        """Name the first part in which *other* is another recipe; None if it is the same."""
        names = (field.name for field in fields(self))
        return next((name for name in names if getattr(self, name) != getattr(other, name)), None)


def read(text: str) -> Recipe:
    """Read what `write` wrote. Raise ValueError or TypeError for anything else."""
    return Recipe(**json.loads(text))


def digest(text: bytes) -> str:
    """Tell a recipe from every other."""
    return hashlib.sha256(text).hexdigest()


def take(directory: Path, wanted: str) -> Recipe | None:
    """Read the recipe that was left in the directory of a run, if it is the one of that digest."""
    try:
        with open_plain(directory / FILE) as file:
            text = file.read(LONGEST)
        (directory / FILE).unlink()
        if digest(text) != wanted:
            log.warning("%s: its recipe is not the one that was left", directory.name)
            return None
        return read(text.decode())
    except (OSError, ValueError, TypeError) as error:
        log.warning("%s: its recipe cannot be read: %s", directory.name, error)
        return None


def make_recipe(
    directory: Path,
    script: str,
    project: Path,
    environment: Mapping[str, str],
    *,
    may_leave: bool,
) -> Recipe:
    """Find the recipe of the run in *directory*. Raise OSError, also for an odd ansible.cfg.

    *environment* is that of ansible-playbook before our plugin is in it.
    """
    config = find_config(environment, project)
    return Recipe(
        script=script,
        stamps=[_stamp(Path(script)), *map(_stamp, _files())],
        project=_common(str(project), directory),
        environment={
            name: _common(value, directory)
            for name, value in environment.items()
            if name not in OWN
        },
        config=_read_config(config, directory) if config else None,
        may_leave=may_leave,
    )


def _read_config(file: Path, directory: Path) -> list[str]:
    return [_common(str(file), directory), file.read_text("utf-8", "replace")]


def unlike(directory: Path, script: str, environment: Mapping[str, str]) -> str | None:
    """Tell why no copy of an image is like a start of *script*; None if one may be."""
    if own_python(script) is None:
        return "its ansible-playbook is not the one beside Curtain"
    if directory.resolve() != directory:
        return "its directory is behind a symbolic link"
    if ".." in Path(environment.get("ANSIBLE_CONFIG", "")).parts:
        return "its ANSIBLE_CONFIG leads out of its project"
    for name, value in environment.items():
        known = (os.environ.get(name), ALLOWED.get(name))
        if name.startswith(READ_AT_START) and value not in known:
            return f"its {name} is read when a process starts"
    return None


def own_python(script: str) -> str | None:
    """The Python of the script, if it is ansible-playbook and that is the one that we run.

    By the name that the script has for it, which playbooks see: `python` where we are `python3`.
    """
    try:
        with open(script, "rb") as file:
            head = file.read(HEAD)
    except OSError:
        return None
    words = interpreter(head)
    if len(words) != 1 or ENTRY.encode() not in head:
        return None
    theirs, ours = Path(words[0]), Path(sys.executable)
    # One beside ours: elsewhere it would have the packages of another environment.
    is_same = theirs.parent == ours.parent and theirs.resolve() == ours.resolve()
    return words[0] if is_same else None


def localize(text: str, directory: Path) -> str:
    """Put a directory into what a recipe has of a path or a variable."""
    return text.replace(RUN, str(directory))


def _common(text: str, directory: Path) -> str:
    return text.replace(str(directory), RUN)


def _files() -> list[Path]:
    found = importlib.util.find_spec("ansible")
    if found is None or not found.submodule_search_locations:
        return []
    package = Path(found.submodule_search_locations[0])
    return [package.parent, *(package / name for name in FILES)]


def _stamp(path: Path) -> list[Any]:
    try:
        status = os.stat(path)
    except OSError:
        return [str(path), 0, 0]
    return [str(path), status.st_size, status.st_mtime_ns]
