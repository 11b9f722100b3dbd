"""Patterns for branches, tags and paths, as people know them from .gitignore.

`*` and `?` stay within one part of a path, `**` does not. Our own translation because what pushes
choose is compared with it: fnmatch and wcmatch make expressions for Python's engine, which some
texts keep busy for ever.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints
from pydantic_core import SchemaValidator

from runner import linear

WORDS: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
TOKEN: Final = re.compile(r"\*\*/|\*\*|[*?]|\[!?\]?[^\]/\[]+\]|.", re.DOTALL)


def matches_any(patterns: Iterable[str], text: str) -> bool:
    """Whether the whole of *text* is what one of *patterns* says, and no pattern behind a `!`."""
    wanted, unwanted = _compiled(tuple(patterns))
    return (not wanted or any(each.isinstance_python(text) for each in wanted)) and not any(
        each.isinstance_python(text) for each in unwanted
    )


@lru_cache(maxsize=256)
def _compiled(patterns: tuple[str, ...]) -> tuple[list[SchemaValidator], list[SchemaValidator]]:
    """What is wanted and what is not. Once, not for each path: 100 took half a minute for 10,000.

    One by one: joined to one expression they can be larger than the engine takes.
    """
    wanted: list[SchemaValidator] = []
    unwanted: list[SchemaValidator] = []
    for pattern in patterns:
        whole = r"\A(?s:" + _expression(pattern.removeprefix("!")) + r")\z"
        (unwanted if pattern.startswith("!") else wanted).append(linear.compiled(whole))
    return wanted, unwanted


def _expression(pattern: str) -> str:
    return "".join(map(_translated, TOKEN.findall(pattern)))


def _translated(token: str) -> str:
    if token in WORDS:
        return WORDS[token]
    if len(token) > 1:
        inner = token[1:-1]
        negated = inner.startswith("!")
        inside = re.sub(r"([\\\[\]^&~])", r"\\\1", inner.removeprefix("!"))
        return f"[^/{inside}]" if negated else f"[{inside}]"
    return re.escape(token)


def _glob(pattern: str) -> str:
    linear.compiled(_expression(pattern.removeprefix("!")))
    return pattern


def _regular(expression: str) -> str:
    linear.compiled(expression)
    return expression


Glob = Annotated[
    str, StringConstraints(pattern=r"^!?[^!\x00-\x1f\x7f]", max_length=200), AfterValidator(_glob)
]
Expression = Annotated[
    str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_regular)
]
