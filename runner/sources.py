"""The trees that a run needs: its playbook's, and its inventory's where that has a repository."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from runner.checkout import Tree, checkout, resolve
from runner.order import Order


@dataclass(frozen=True)
class Trees:
    """Where the run's repositories are; one tree when both are the same commit."""

    playbook: Tree
    inventory: Tree


def check_out_sources(order: Order) -> Trees:
    """Resolve and check out what *order* names. Raise CheckoutFailed."""
    wanted, inventory = order["playbook"], order["inventory"]
    playbook_sha = settle(order, "playbook", wanted["repository"], wanted["ref"])
    playbook = check_out(order, "project", wanted["repository"], playbook_sha)
    if "repository" not in inventory:
        return Trees(playbook, playbook)
    inventory_sha = settle(order, "inventory", inventory["repository"], inventory["ref"])
    if (inventory["repository"], inventory_sha) == (playbook.url, playbook.sha):
        return Trees(playbook, playbook)
    return Trees(playbook, check_out(order, "inventory", inventory["repository"], inventory_sha))


def settle(order: Order, what: Literal["playbook", "inventory"], url: str, ref: str) -> str:
    """Take the commit that was pinned for this run, else the one *ref* stands for now."""
    return order["pinned"][what] or resolve(url, ref, tuple(order["protocols"]))


def check_out(order: Order, name: str, url: str, sha: str) -> Tree:
    """Check out below the run's directory."""
    destination = Path(order["directory"]) / name
    return checkout(Path(order["cache"]), url, sha, destination, tuple(order["protocols"]))
