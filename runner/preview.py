"""What a rerun would find in the repositories: their commits then and now. Changes nothing.

It is asked on a runner, which has the object stores and can reach the remotes; web has neither.
"""

from pathlib import Path
from typing import Any, Final

from runner.checkout import own_disk, resolve
from runner.errors import CheckoutFailed, RunnerError
from runner.git_store import Store
from runner.history import compare
from runner.order import Order
from runner.run import Run
from runner.sources import Part, access_to, advising

PARTS: Final[tuple[Part, ...]] = ("playbook", "inventory")
RESOLVE_SECONDS: Final = 15.0  # two remotes that hang must leave time for the rest

#: JSON: what is told of one source.
Told = dict[str, Any]


def places(then: Run, now: Run, part: Part) -> Told | None:
    """Tell where a source was and is, without asking anybody. None: in no repository at all."""
    before, after = place(then, part), place(now, part)
    if before is None and after is None:
        return None
    return {"then": before, "now": after, "difference": None, "untold": None}


def place(run: Run, part: Part) -> Told | None:
    """Where a source of *run* is, and its commit as far as it is settled. None: nowhere."""
    source = run.spec[part]
    if "repository" not in source:
        return None
    other = run.overrides.get("ref") if part == "playbook" else None
    sha = run.playbook_sha if part == "playbook" else run.inventory_sha
    names = {name: source[name] for name in ("repository", "path")}
    return {**names, "ref": other or source["ref"], "sha": sha}


def add_commit(told: Told, now: Order, part: Part) -> None:
    """Tell which commit a source is at now, or why that cannot be told."""
    after = told["now"]
    if after is None:
        return
    try:
        with own_disk(), advising(now, part, after["repository"]):
            after["sha"] = resolve(
                after["repository"],
                after["ref"],
                tuple(now["protocols"]),
                access_to(now, part),
                seconds=RESOLVE_SECONDS,
            )
    except CheckoutFailed as error:
        told["untold"] = reason(error)


def add_difference(told: Told, now: Order, part: Part) -> None:
    """Tell what lies between then and now, if both are commits of one repository."""
    before, after = told["then"], told["now"]
    if not (before and after and before["sha"] and after["sha"]):
        return
    url = after["repository"]
    if before["repository"] != url:
        told["untold"] = reason(CheckoutFailed("it is another repository by now", "other_url"))
        return
    store = Store(Path(now["cache"]), url, tuple(now["protocols"]), access_to(now, part))
    try:
        told["difference"] = compare(store, before["sha"], after["sha"]).told()
    except CheckoutFailed as error:
        told["untold"] = reason(error)


def reason(error: RunnerError) -> dict[str, str]:
    """Say why something cannot be told."""
    return {"code": error.code, "message": str(error)}
