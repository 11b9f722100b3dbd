"""What a leader is told to do: made of the run's row, its secrets and the settings."""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from runner.credential import Credential, ordered
from runner.mark import mark
from runner.order import Options, Order, Playbook, SourceAccess
from runner.run import Run
from runner.settings import Settings
from runner.visible import passed_environment


def make_order(
    run: Run,
    secrets: dict[str, Any],
    credentials: Mapping[str, Credential],
    directory: Path,
    installation: str,
    settings: Settings,
) -> Order:
    """Tell the leader of *run* everything it needs to know; *credentials* are those it uses."""
    playbook = dict(run.spec["playbook"])
    options = run.options
    playbook["ref"] = options.pop("ref", None) or playbook["ref"]
    return {
        "run": run.id,
        "template": run.template,
        "installation": installation,
        "directory": str(directory),
        "cache": str(settings.git_directory),
        "galaxy": str(settings.galaxy_directory),
        "galaxy_age": settings.galaxy_age,
        "playbook": cast(Playbook, playbook),
        "requirements": run.spec.get("requirements", True),
        "inventory": run.spec["inventory"],
        "vars": run.spec.get("vars", {}),
        "accepted": {**run.accepted, **secrets},
        # A rerun, and a run that was interrupted, are repeated as they were, whatever has been
        # pushed since.
        "pinned": {"playbook": run.playbook_sha, "inventory": run.inventory_sha},
        "access": _access(run.spec, credentials, settings.secret_key),
        "credentials": [
            ordered(name, credentials[name]) for name in run.spec.get("credentials", [])
        ],
        "options": cast(Options, options),
        "environment": run.spec.get("environment", {}),
        "ansible_playbook": settings.ansible_command(),
        "base_environment": passed_environment(os.environ, settings.pass_environment),
        "mark": mark(run.id, installation),
        "protocols": list(settings.git_protocols),
        "only_hosts": run.only_hosts,
        "leave_async": run.spec.get("leave_async", False),
        "start": run.spec.get("start") or settings.start,
    }


def _access(
    spec: Mapping[str, Any], credentials: Mapping[str, Credential], key: str
) -> SourceAccess:
    """What opens each repository; an inventory beside the playbook comes with it."""
    named = {place: spec[place].get("credential") for place in ("playbook", "inventory")}
    playbook, inventory = (
        _scoped(ordered(name, credentials[name]), key) if name else None for name in named.values()
    )
    return {"playbook": playbook, "inventory": inventory}


def _scoped(credential: dict[str, Any], key: str) -> dict[str, Any]:
    """Say whose the objects are that it fetches: another of its name, or another token, finds none.

    Keyed, because the scope is in the name of a directory, and a short secret could be guessed.
    """
    content = json.dumps(credential, sort_keys=True).encode()
    return {**credential, "scope": hmac.digest(key.encode(), content, hashlib.sha256).hex()}
