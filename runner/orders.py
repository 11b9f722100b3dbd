"""What a leader is told to do: made of the run's row, its secrets and the settings."""

import os
from pathlib import Path
from typing import Any, cast

from runner.mark import mark
from runner.order import Options, Order, Playbook
from runner.run import Run
from runner.settings import Settings
from runner.visible import passed_environment


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
        "playbook": cast(Playbook, playbook),
        "inventory": run.spec["inventory"],
        "vars": run.spec.get("vars", {}),
        "accepted": {**run.accepted, **secrets},
        # A run that was interrupted is repeated as it was, whatever has been pushed since.
        "pinned": {"playbook": run.playbook_sha, "inventory": run.inventory_sha},
        "options": cast(Options, options),
        "environment": run.spec.get("environment", {}),
        "ansible_playbook": settings.ansible_command(),
        "base_environment": passed_environment(os.environ, settings.pass_environment),
        "mark": mark(run.id, installation),
        "protocols": list(settings.git_protocols),
        "leave_async": run.spec.get("leave_async", False),
    }
