"""The recipe of a template that sets nothing and whose project has no ansible.cfg.

Most are so: their runs start warm from the first one of a runner on.
"""

import logging
import os
import tempfile
from pathlib import Path
from typing import cast

from runner import command
from runner.ansible_config import read_config
from runner.errors import RunnerError
from runner.mark import mark
from runner.order import Order
from runner.recipe import Recipe, make_recipe, unlike
from runner.settings import Settings
from runner.visible import passed_environment
from runner.zygote_handle import PREFIX
from runner.zygotes import Zygotes

log = logging.getLogger(__name__)


def prepare(zygotes: Zygotes, settings: Settings, installation: str) -> None:
    """Have a zygote of the plain recipe, unless runs are to start cold."""
    if settings.start == "cold":
        return
    beside = settings.runs_directory / installation
    try:
        zygotes.want(None, plain_recipe(settings, beside, installation), beside)
    except (OSError, RunnerError) as error:
        log.warning("no run starts warm before one has been cold: %s", error)


def plain_recipe(settings: Settings, beside: Path, installation: str) -> Recipe:
    """Find it for runs whose directories are *beside*. Raise OSError or RunnerError.

    A wrong guess costs a zygote: each leader compares, and executes where it is another recipe.
    """
    beside.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=beside) as name:
        directory = Path(name)
        project = directory / "project"
        project.mkdir(mode=0o700)
        order = _order(settings, directory, installation)
        environment = command.environment(order)
        executable = command.find_ansible(order, environment)
        environment = command.with_defaults(environment, read_config(environment, project))
        if why := unlike(directory, executable, environment):
            raise RunnerError(why, "unlike")
        return make_recipe(directory, executable, project, environment, may_leave=False)


def _order(settings: Settings, directory: Path, installation: str) -> Order:
    """Write what decides the environment."""
    order = {
        "directory": str(directory),
        "environment": {},
        "credentials": [],
        "leave_async": False,
        "ansible_playbook": settings.ansible_command(),
        "base_environment": passed_environment(os.environ, settings.pass_environment),
        "mark": mark(0, installation),
    }
    return cast(Order, order)
