"""What is executed for an order: arguments, environment and what its files are called. Pure."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.ansible_config import Config
from runner.errors import AnsibleMissing
from runner.keyring import keyring
from runner.order import Order


@dataclass(frozen=True)
class Paths:
    """Where the files of a run are."""

    playbook: Path
    inventory: Path
    variables: Path
    #: The names of the only hosts to play on, one a line; None: all of them.
    hosts: Path | None = None


# A unix socket's path has 107 bytes; ssh binds <directory>/<10 of a hash>.<16 random>.
LONGEST_CONTROL_PATH: Final = 107 - len("/0123456789.0123456789abcdef")
# multiprocessing binds <TMPDIR>/pymp-<8 random>/listener-<8 random>.
LONGEST_TEMPORARY_PATH: Final = 107 - len("/pymp-01234567/listener-01234567")


def arguments(order: Order, paths: Paths) -> list[str]:
    """Write the command line. Values stand behind `=`, so that none can become an option."""
    options = order["options"]
    words = [
        order["ansible_playbook"],
        f"--inventory={paths.inventory}",
        f"--extra-vars=@{paths.variables}",
    ]
    if paths.hosts:
        # With a comma in it Ansible splits at commas only: else a colon in the path would end it.
        words.append(f"--limit=@{paths.hosts},")
    elif limit := options.get("limit"):
        words.append(f"--limit={limit}")
    if tags := options.get("tags"):
        words.append(f"--tags={','.join(tags)}")
    if skip_tags := options.get("skip_tags"):
        words.append(f"--skip-tags={','.join(skip_tags)}")
    if forks := options.get("forks"):
        words.append(f"--forks={forks}")
    if verbosity := options.get("verbosity"):
        words.append(f"-{'v' * verbosity}")
    words += [f"--{flag}" for flag in ("check", "diff", "become") if options.get(flag)]
    return [*words, *keyring(order).arguments, "--", str(paths.playbook)]


def environment(order: Order) -> dict[str, str]:
    """Write the environment of ansible-playbook. The template may change all but the mark."""
    own = order["environment"]
    directory = Path(order["directory"])
    defaults = {
        "ANSIBLE_LOCAL_TEMP": str(temporary_path(directory)),
        # With a shared one, stopping this run would cut the connections of others.
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(control_path(directory)),
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "PYTHONUNBUFFERED": "1",
    }
    fits = len(str(temporary_path(directory)).encode()) <= LONGEST_TEMPORARY_PATH
    if fits and not order["leave_async"]:  # what outlives the run must find its payload
        # A module that is killed leaves its payload there: it goes with the run's directory.
        defaults["TMPDIR"] = str(temporary_path(directory))
    if not own.keys() & {"ANSIBLE_NOCOLOR", "ANSIBLE_FORCE_COLOR", "NO_COLOR"}:
        defaults |= {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    keys = keyring(order).environment
    return {**order["base_environment"], **defaults, **keys, **own, **order["mark"]}


def find_ansible(order: Order, environment: dict[str, str]) -> str:
    """Find the command while its path, if relative, still is so to where the runner started."""
    found = shutil.which(order["ansible_playbook"], path=environment.get("PATH"))
    if found is None:
        raise AnsibleMissing
    return os.path.abspath(found)


def with_defaults(environment: Mapping[str, str], config: Config) -> dict[str, str]:
    """Add what neither the template nor its project's ansible.cfg has chosen."""
    if config.value("unparsed_is_failed", "inventory") is None:
        # A script that fails would else be an inventory of nobody: a run that ends well.
        return {"ANSIBLE_INVENTORY_UNPARSED_FAILED": "1", **environment}
    return dict(environment)


def temporary_path(directory: Path) -> Path:
    """Choose where a run has its temporary files; the leader makes it."""
    return directory / "tmp"


def control_path(directory: Path) -> Path:
    """Choose where a run's ssh sockets are: below *directory*, or outside when that is too long.

    Whoever removes a run's directory removes this one, too.
    """
    inner = directory / "cp"
    if len(str(inner).encode()) <= LONGEST_CONTROL_PATH:
        return inner
    which = hashlib.sha256(str(directory).encode()).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"curtain-{directory.name}-{which}"


#: A document, a mapping in braces, or a key: how YAML begins, and INI does not.
YAML_BEGINS: Final = re.compile(
    r"""--- (\s|$) | \{ | ( "[^"]*" | '[^']*' | [^\s:=\[\]"']+ ) \s* : (\s|$)""", re.VERBOSE
)


def inventory_name(content: str) -> str:
    """Name an inventory so that Ansible reads it as what it is: it goes by the suffix."""
    lines = (line.strip() for line in content.splitlines())
    first = next((line for line in lines if line and line[0] not in "#;"), "")
    return "inventory.yml" if YAML_BEGINS.match(first) else "inventory.ini"
