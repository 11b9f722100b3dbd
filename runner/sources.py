"""The trees that a run needs: its playbook's, and its inventory's where that has a repository."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from runner.access import Access
from runner.checkout import Tree, checkout, own_disk, resolve
from runner.host_keys import accepted_keys
from runner.order import Order

Part = Literal["playbook", "inventory"]
PLACES: Final[dict[Part, str]] = {"playbook": "project", "inventory": "inventory"}


@dataclass(frozen=True)
class Trees:
    """Where the run's repositories are; one tree when both are the same commit."""

    playbook: Tree
    inventory: Tree


def check_out_sources(order: Order) -> Trees:
    """Resolve and check out what *order* names. Raise CheckoutFailed."""
    wanted, inventory = order["playbook"], order["inventory"]
    playbook_sha = settle(order, "playbook", wanted["repository"], wanted["ref"])
    playbook = check_out(order, "playbook", wanted["repository"], playbook_sha)
    if "repository" not in inventory:
        return Trees(playbook, playbook)
    inventory_sha = settle(order, "inventory", inventory["repository"], inventory["ref"])
    is_one = (inventory["repository"], inventory_sha) == (playbook.url, playbook.sha)
    if is_one and order["access"]["playbook"] == order["access"]["inventory"]:
        return Trees(playbook, playbook)
    return Trees(playbook, check_out(order, "inventory", inventory["repository"], inventory_sha))


def settle(order: Order, what: Part, url: str, ref: str) -> str:
    """Take the commit that was pinned for this run, else the one *ref* stands for now."""
    if pinned := order["pinned"][what]:
        return pinned
    with own_disk():
        return resolve(url, ref, tuple(order["protocols"]), access_to(order, what))


def check_out(order: Order, what: Part, url: str, sha: str) -> Tree:
    """Check out below the run's directory."""
    destination = Path(order["directory"]) / PLACES[what]
    protocols = tuple(order["protocols"])
    return checkout(Path(order["cache"]), url, sha, destination, protocols, access_to(order, what))


def access_to(order: Order, what: Part) -> Access | None:
    """What the order gives to open the repository with."""
    credential = order["access"][what]
    if credential is None:
        return None
    return Access(credential, Path(order["directory"]) / "access", accepted_keys(order["cache"]))
