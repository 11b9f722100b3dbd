"""What a leader is told to do: made of the run's row, its secrets and the settings."""

import os
from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

from runner.mark import mark
from runner.order import Options, Order, Source
from runner.run import Run
from runner.settings import Settings

#: What a playbook may see of the runner's environment. Not DATABASE_URL, not the tokens.
PASSED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TMPDIR",
    "SSH_AUTH_SOCK",
    "SSL_CERT_*",
    "REQUESTS_CA_BUNDLE",
    "*_proxy",
    "*_PROXY",
    "ANSIBLE_*",
)
OURS = ("ANSIBLE_PLAYBOOK",)


def passed_environment(environ: Mapping[str, str], more: tuple[str, ...]) -> dict[str, str]:
    """The variables of *environ* that playbooks may see."""
    return {
        name: value
        for name, value in environ.items()
        if name not in OURS and any(fnmatchcase(name, pattern) for pattern in (*PASSED, *more))
    }


def make_order(
    run: Run, secrets: dict[str, Any], directory: Path, installation: str, settings: Settings
) -> Order:
    """Tell the leader of *run* everything it needs to know."""
    playbook = dict(run.spec["playbook"])
    options = run.options
    playbook["ref"] = options.pop("ref", None) or playbook["ref"]
    return {
        "run": run.id,
        "template": run.template,
        "installation": installation,
        "directory": str(directory),
        "cache": str(settings.git_directory),
        "playbook": cast(Source, playbook),
        "inventory": run.spec["inventory"],
        "vars": run.spec.get("vars", {}),
        "accepted": {**run.accepted, **secrets},
        "pinned": {"playbook": None, "inventory": None},
        "options": cast(Options, options),
        "environment": run.spec.get("environment", {}),
        "ansible_playbook": settings.ansible_command(),
        "base_environment": passed_environment(os.environ, settings.pass_environment),
        "mark": mark(run.id, installation),
        "protocols": list(settings.git_protocols),
    }
