"""The directory in which a playbook is started, with all that it requires."""

import hashlib
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from runner import command, requirements
from runner.ansible_config import Config, extended, read_config
from runner.checkout import Tree
from runner.galaxy import find_galaxy, galaxy_environment, install
from runner.galaxy_cache import Home, Taken
from runner.order import Order

#: Changes when what is installed would be another for the same requirements.
EDITION: Final = 1
FOREVER: Final = float("inf")


def equip(
    order: Order,
    tree: Tree,
    project: Path,
    ansible_playbook: str,
    environment: dict[str, str],
    say: Callable[..., None],
) -> dict[str, str]:
    """Install what *project* requires. Return *environment* with what its ansible.cfg leaves open.

    Raise RequirementsFailed with ansible-galaxy's own reason.
    """
    config = read_config(environment, project)
    if config.value("unparsed_is_failed", "inventory") is None:
        # A script that fails would else be an inventory of nobody: a run that ends well.
        environment = {"ANSIBLE_INVENTORY_UNPARSED_FAILED": "1", **environment}
    if order["requirements"] and (files := requirements.find(tree, project)):
        began = time.monotonic()
        taken = take(order, tree, project, ansible_playbook, environment, config, files)
        seconds = round(time.monotonic() - began, 3)
        if taken.stale:
            print("The requirements could not be renewed: those of before are used.", flush=True)
        say(event="installed", **told(taken), seconds=seconds)
        return extended(environment, config, installed_path(order))
    return environment


def take(
    order: Order,
    tree: Tree,
    project: Path,
    ansible_playbook: str,
    environment: dict[str, str],
    config: Config,
    files: list[Path],
) -> Taken:
    """Take what *files* name from what this machine has, or install it."""
    galaxy = find_galaxy(ansible_playbook, environment)
    temporary = command.temporary_path(Path(order["directory"]))
    own = galaxy_environment(order, config, temporary)
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    are_pinned = all(requirements.are_pinned(text) for text in texts)

    def install_into(aside: Path, lock: int) -> None:
        install(galaxy, files, aside, environment=own, project=project, keep=(lock,))

    home = Home(Path(order["galaxy"]) / meaning(order, tree, project, texts, galaxy, own, config))
    longest = FOREVER if are_pinned else order["galaxy_age"]
    return home.take(installed_path(order), longest, install_into)


def installed_path(order: Order) -> Path:
    """Choose where a run has the roles/ and collections/ that were installed for it."""
    return Path(order["directory"]) / "galaxy"


def meaning(
    order: Order,
    tree: Tree,
    project: Path,
    texts: list[str],
    galaxy: str,
    environment: dict[str, str],
    config: Config,
) -> str:
    """Sum up all that decides what these requirements mean."""
    names_files = any(requirements.name_files(text, project) for text in texts)
    decisive = [
        EDITION,
        texts,
        [os.path.realpath(galaxy), os.stat(galaxy).st_mtime_ns],
        sorted(order["protocols"]),
        config.galaxy(),
        {key: value for key, value in environment.items() if key.startswith("ANSIBLE_GALAXY_")},
        [tree.url, tree.sha, str(project.relative_to(tree.root))] if names_files else None,
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
