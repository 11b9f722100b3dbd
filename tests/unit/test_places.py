"""Each place that holds a path is found, and gets another; what cannot be changed is refused."""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from runner.places import Unfit, mends

NEW = "/runs/12"


def unlikely() -> str:
    """A path that nothing in this process holds; where it is a local variable it is left alone."""
    return f"/image-{uuid4().hex}"


@dataclass(frozen=True)
class Frozen:
    """As Ansible's origins are."""

    path: str


class Slotted:
    """Without a dict."""

    __slots__ = ("path",)


def slotted(path: str) -> Slotted:
    it = Slotted()
    it.path = path
    return it


def closing(path: str) -> Callable[[], str]:
    return lambda: path


MAKERS: dict[str, tuple[Callable[[str], Any], Callable[[Any], Any]]] = {
    "a value": (lambda path: {"a": f"{path}/x"}, lambda it: it["a"]),
    "a key": (lambda path: {f"{path}/x": 1}, lambda it: next(iter(it))),
    "a tuple as key": (lambda path: {("a", f"{path}/x"): 1}, lambda it: next(iter(it))[1]),
    "a list": (lambda path: ["a", f"{path}/x"], lambda it: it[1]),
    "a set": (lambda path: {f"{path}/x"}, lambda it: next(iter(it))),
    "bytes": (lambda path: [f"{path}/x".encode()], lambda it: it[0].decode()),
    "an attribute": (lambda path: SimpleNamespace(path=f"{path}/x"), lambda it: it.path),
    "a frozen attribute": (lambda path: Frozen(f"{path}/x"), lambda it: it.path),
    "a slot": (lambda path: slotted(f"{path}/x"), lambda it: it.path),
    "a closure": (lambda path: closing(f"{path}/x"), lambda it: it()),
    "a class": (lambda path: type("Late", (), {"path": f"{path}/x"}), lambda it: it.path),
    "tuples in a list": (lambda path: [(1, (2, f"{path}/x"))], lambda it: it[0][1][1]),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_a_path_is_found_wherever_it_is_and_changed(kind: str) -> None:
    make, look = MAKERS[kind]
    path = unlikely()
    held = [make(path)]  # a frame alone holds nothing that counts

    for mend in mends(path):
        mend(NEW)

    assert look(held[0]) == f"{NEW}/x"


class Pair(NamedTuple):
    """A tuple of a kind that is not rebuilt."""

    path: str


def test_what_cannot_be_changed_is_refused() -> None:
    path = unlikely()
    held = [Pair(path + "/x")]

    with pytest.raises(Unfit, match="Pair"):
        mends(path)
    assert held
