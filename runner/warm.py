"""How a leader becomes ansible-playbook without exec, where its process has loaded Ansible."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner import mark, plugin, recipe
from runner.order import Order
from runner.private import write
from runner.recipe import Recipe

if TYPE_CHECKING:
    from runner.image import Image

Say = Callable[..., None]


@dataclass(frozen=True)
class Loaded:
    """What a zygote has loaded, and by which recipe."""

    image: "Image"
    recipe: Recipe


#: Of this process and of what it forks; None in a keeper that was executed.
loaded: Loaded | None = None


def become(
    order: Order, script: str, arguments: list[str], environment: dict[str, str], say: Say
) -> None:
    """Be *script* in the working directory, and do not return; or say why it is to be executed.

    A recipe is left in the run's directory where the next run could do without exec.
    """
    if order["start"] == "cold":
        say(event="playing", start="cold")
    elif why := _why_not(order, script, environment):
        say(event="playing", start="cold", **why)
    elif loaded is not None:
        say(event="playing", start="warm")
        loaded.image.become(script, arguments[1:])


def _why_not(order: Order, script: str, environment: dict[str, str]) -> dict[str, str]:
    """Settle what is loaded in this run. Tell why that cannot be, if it cannot.

    With it goes the digest of the recipe that is left: its playbook could write another.
    """
    directory, may_leave = Path(order["directory"]), order["leave_async"]
    if not mark.is_worn(mark.brand(order["run"], order["installation"])):
        return {"why": "its limits refuse the brand, by which a copy is found"}
    if why := recipe.unlike(directory, script, environment):
        return {"why": why}
    try:
        wanted = recipe.make_recipe(directory, script, Path.cwd(), environment, may_leave=may_leave)
        why = loaded.recipe.difference(wanted) if loaded else "not loaded"
        if loaded is None or why:
            text = wanted.write()
            write(directory / recipe.FILE, text)
            return {"why": str(why), "recipe": recipe.digest(text.encode())}
        loaded.image.settle(environment | plugin.told(directory / plugin.FLIGHT), directory)
    except Exception as error:  # of the run's own files: executed, Ansible says so itself
        return {"why": f"{type(error).__name__}: {error}"}
    return {}
