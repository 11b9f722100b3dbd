"""The trees that a run needs: its playbook's, and its inventory's where that has a repository."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

from runner.access import Access
from runner.advice import unopened
from runner.checkout import Tree, checkout, own_disk, resolve
from runner.errors import CheckoutFailed
from runner.host_keys import accepted_keys
from runner.order import Order
from runner.submodules import Nest

Part = Literal["playbook", "inventory"]
PLACES: Final[dict[Part, str]] = {"playbook": "project", "inventory": "inventory"}
UNFILLED: Final = (
    "[curtain: the {what}'s repository has submodules, which are not checked out:"
    ' "submodules": true in its template does]'
)


class Commit(NamedTuple):
    """A commit of a repository."""

    url: str
    sha: str


@dataclass(frozen=True)
class Trees:
    """Where the run's repositories are; one tree when both are the same commit."""

    playbook: Tree
    inventory: Tree


def check_out_sources(order: Order) -> Trees:
    """Resolve and check out what *order* names. Raise CheckoutFailed."""
    wanted, inventory = order["playbook"], order["inventory"]
    playbook = settle(order, "playbook", wanted["repository"], wanted["ref"])
    tree = check_out(order, "playbook", playbook, deep=wanted.get("submodules", False))
    if "repository" not in inventory:
        return Trees(tree, tree)
    hosts = settle(order, "inventory", inventory["repository"], inventory["ref"])
    if hosts == playbook and is_opened_alike(order):
        return Trees(tree, tree)
    deep = inventory.get("submodules", False)
    return Trees(tree, check_out(order, "inventory", hosts, deep=deep))


def is_opened_alike(order: Order) -> bool:
    """Whether playbook and inventory are one tree if they are one commit."""
    playbook, inventory = order["playbook"], order["inventory"]
    is_as_deep = playbook.get("submodules", False) == inventory.get("submodules", False)
    return is_as_deep and order["access"]["playbook"] == order["access"]["inventory"]


def settle(order: Order, what: Part, url: str, ref: str) -> Commit:
    """Take the commit that was pinned for this run, else the one *ref* stands for now."""
    if pinned := order["pinned"][what]:
        return Commit(url, pinned)
    with own_disk(), advising(order, what, url):
        return Commit(url, resolve(url, ref, tuple(order["protocols"]), access_to(order, what)))


def check_out(order: Order, what: Part, commit: Commit, *, deep: bool) -> Tree:
    """Check out below the run's directory, with submodules if *deep*."""
    cache, protocols = Path(order["cache"]), tuple(order["protocols"])
    destination = Path(order["directory"]) / PLACES[what]
    access = access_to(order, what)
    with advising(order, what, commit.url):
        tree = checkout(cache, commit.url, commit.sha, destination, protocols, access)
    if deep:
        Nest(cache, tree, protocols, access).fill()
    elif (tree.root / ".gitmodules").is_file():
        # To Ansible an empty directory is a role that does nothing: the run would end well (seen).
        print(UNFILLED.format(what=what), flush=True)
    return tree


@contextlib.contextmanager
def advising(order: Order, what: Part, url: str) -> Iterator[None]:
    """Say where to name a credential if one is missing for the repository at *url*."""
    try:
        yield
    except CheckoutFailed as error:
        if error.code != "auth_failed" or order["access"][what]:
            raise
        raise CheckoutFailed(f"{error}{unopened(what, url)}", error.code) from error


def access_to(order: Order, what: Part) -> Access | None:
    """What the order gives to open the repository with."""
    credential = order["access"][what]
    if credential is None:
        return None
    return Access(credential, Path(order["directory"]) / "access", accepted_keys(order["cache"]))
