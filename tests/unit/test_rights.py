"""What rights bring along, and over which templates they are had."""

import pytest

from app.api import OPERATIONS
from app.operations import Operation
from app.rights import Caller, Right, complete


@pytest.mark.parametrize(
    ("given", "brings"),
    [
        ("read", {"read"}),
        ("run", {"run"}),  # and not what others have run: a build server need not see that
        ("stop", {"stop"}),
        ("kill", {"kill", "stop"}),
        ("admin", {"read", "run", "stop", "kill", "approve", "admin"}),
    ],
)
def test_a_right_brings_along_what_it_is_worthless_without(given: str, brings: set[str]) -> None:
    assert complete([Right(given)]) == brings


@pytest.mark.parametrize(
    ("patterns", "sees"),
    [
        ((), True),  # none: all
        (("*",), True),
        (("deploy-*",), True),
        (("test-*",), False),
        (("*", "!deploy-web"), False),
        (("!test-*",), True),
    ],
)
def test_patterns_hide_templates(patterns: tuple[str, ...], sees: bool) -> None:
    assert Caller("ci", frozenset(), patterns).sees("deploy-web") is sees


def test_an_operation_that_changes_something_must_say_who_may() -> None:
    def change() -> None:
        """Change something."""

    with pytest.raises(AssertionError, match="change must say which right it needs"):
        Operation(method="POST", path="/changes", view=change, answers={})


def test_whoever_may_only_look_changes_nothing() -> None:
    looking = {
        operation.name
        for operation in OPERATIONS
        if operation.method != "GET" and operation.right is Right.READ
    }

    assert looking == {"try_hook"}  # which runs nothing and notes nothing
