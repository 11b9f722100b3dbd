"""The directory in which a playbook is started, with all that it requires."""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from runner import command, requirements
from runner.advice import reserved
from runner.ansible_config import Config, extended, read_config
from runner.checkout import Tree
from runner.errors import RequirementsFailed
from runner.galaxy import find_galaxy, galaxy_environment, install
from runner.galaxy_cache import Home, Taken
from runner.git import failure
from runner.order import Order
from runner.sources import access_to

#: Changes when what is installed would be another for the same requirements.
EDITION: Final = 1
FOREVER: Final = float("inf")


@dataclass(frozen=True)
class Project:
    """Where in a tree a playbook is started, by which command, and with what around it."""

    order: Order
    tree: Tree
    directory: Path
    ansible_playbook: str
    environment: dict[str, str]

    @cached_property
    def config(self) -> Config:
        """What Ansible reads there."""
        return read_config(self.environment, self.directory)

    @property
    def installed(self) -> Path:
        """Where the run has the roles/ and collections/ that were installed for it."""
        return Path(self.order["directory"]) / "galaxy"

    def place(self) -> list[str]:
        """Tell it from every other, and from itself at another commit."""
        return [self.tree.url, self.tree.sha, str(self.directory.relative_to(self.tree.root))]


def equip(project: Project, say: Callable[..., None]) -> dict[str, str]:
    """Install what *project* requires. Return its environment with what is open in ansible.cfg.

    Raise RequirementsFailed with ansible-galaxy's own reason.
    """
    environment = command.with_defaults(project.environment, project.config)
    if not project.order["requirements"]:
        return environment
    files = requirements.find(project.tree, project.directory)
    if not files:
        return environment
    began = time.monotonic()
    taken = take(project, files)
    if taken.stale:
        print("The requirements could not be renewed: those of before are used.", flush=True)
    say(event="installed", **told(taken), seconds=round(time.monotonic() - began, 3))
    return extended(environment, project.config, project.installed)


def take(project: Project, files: list[Path]) -> Taken:
    """Take what *files* name from what this machine has, or install it."""
    order = project.order
    galaxy = find_galaxy(project.ansible_playbook, project.environment)
    temporary = command.temporary_path(Path(order["directory"]))
    own = galaxy_environment(order, project.config, temporary)
    access = access_to(order, "playbook")
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]

    # What opens the playbook's repository opens those that it requires, on the same server.
    opened = access.environment(project.tree.url) if access else nullcontext(dict[str, str]())
    if access:  # [galaxy] ignore_certs of a repository is for git too: anybody could ask for it
        own = {"ANSIBLE_GALAXY_IGNORE": "0", **own}

    def install_into(aside: Path, lock: int) -> None:
        with opened as more, advising_galaxy(project):
            way = own | more
            install(galaxy, files, aside, environment=way, cwd=project.directory, keep=(lock,))

    home = Home(Path(order["galaxy"]) / meaning(project, texts, galaxy, own))
    are_pinned = all(requirements.are_pinned(text) for text in texts)
    return home.take(
        project.installed, FOREVER if are_pinned else order["galaxy_age"], install_into
    )


@contextlib.contextmanager
def advising_galaxy(project: Project) -> Iterator[None]:
    """Say whom the credential is for, or where to name one, if a server wanted one."""
    try:
        yield
    except RequirementsFailed as error:
        if failure(str(error), 1).code != "auth_failed":
            raise
        credential, url = project.order["access"]["playbook"], project.tree.url
        if credential is None:
            hint = "; a credential in playbook.credential opens what is required from its server"
        elif credential["kind"] == "git_https":
            hint = reserved(credential, url)
        else:
            hint = f" (with credential {credential['name']!r})"
        raise RequirementsFailed(f"{error}{hint}") from error


def meaning(project: Project, texts: list[str], galaxy: str, environment: dict[str, str]) -> str:
    """Sum up all that decides what these requirements mean."""
    credential = project.order["access"]["playbook"]
    names_files = any(requirements.name_files(text, project.directory) for text in texts)
    decisive = [
        EDITION,
        credential and credential["scope"],  # what it has opened is for nobody without it
        texts,
        [os.path.realpath(galaxy), os.stat(galaxy).st_mtime_ns],
        sorted(project.order["protocols"]),
        project.config.galaxy(),
        {key: value for key, value in environment.items() if key.startswith("ANSIBLE_GALAXY_")},
        project.place() if names_files else None,
    ]
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:32]


def told(taken: Taken) -> dict[str, object]:
    """Write what a run shall say of what it has got."""
    return {
        "source": "galaxy" if taken.is_new else "cache",
        "roles": taken.note.roles,
        "collections": taken.note.collections,
        "stale": taken.stale,
    }
