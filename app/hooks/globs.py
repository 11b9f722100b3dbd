"""Patterns for branches, tags and paths, as people know them from .gitignore.

`*` and `?` stay within one part of a path, `**` does not. Our own translation because what pushes
choose is compared with it: fnmatch and wcmatch make expressions for Python's engine, which some
texts keep busy for ever.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints

from runner import linear

WORDS: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
TOKEN: Final = re.compile(r"\*\*/|\*\*|[*?]|\[!?\]?[^\]/\[]+\]|.", re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of *text* is what the glob *pattern* says."""
    return linear.found(r"\A(?s:" + _expression(pattern) + r")\z", text)


def matches_any(patterns: Iterable[str], text: str) -> bool:
    """Whether one of *patterns* matches, and no pattern behind a `!` does."""
    wanted, unwanted = split(patterns)
    return (not wanted or any(matches(each, text) for each in wanted)) and not any(
        matches(each, text) for each in unwanted
    )


def split(patterns: Iterable[str]) -> tuple[list[str], list[str]]:
    """Tell what is wanted from what is not, without its `!`."""
    wanted: list[str] = []
    unwanted: list[str] = []
    for pattern in patterns:
        (unwanted if pattern.startswith("!") else wanted).append(pattern.removeprefix("!"))
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
