"""Patterns for branches, tags and paths, as people know them from .gitignore.

`*` and `?` stay within one part of a path, `**` does not. Our own translation because what pushes
choose is compared with it: fnmatch and wcmatch make expressions for Python's engine, which some
texts keep busy for ever, while that of pydantic (Rust's) is linear.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Annotated, Final

from pydantic import AfterValidator, StringConstraints
from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

WORDS: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
TOKEN: Final = re.compile(r"\*\*/|\*\*|[*?]|\[!?\]?[^\]/\[]+\]|.", re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of *text* is what the glob *pattern* says."""
    return search(r"\A(?s:" + _expression(pattern) + r")\z", text)


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


def search(expression: str, text: str) -> bool:
    """Whether the regular expression is found in *text*; in a time that is linear in both."""
    try:
        compile_expression(expression).validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(maxsize=1024)
def compile_expression(expression: str) -> SchemaValidator:
    """Compile for Rust's engine. Raise ValueError when it cannot be."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=expression))
    except SchemaError as error:
        reason = re.sub(r"\s+", " ", str(error).rpartition("error:")[2]).strip()
        raise ValueError(f"does not compile: {reason[:200]}") from None


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
    compile_expression(_expression(pattern.removeprefix("!")))
    return pattern


def _regular(expression: str) -> str:
    compile_expression(expression)
    return expression


Glob = Annotated[
    str, StringConstraints(pattern=r"^!?[^!\x00-\x1f\x7f]", max_length=200), AfterValidator(_glob)
]
Expression = Annotated[
    str, StringConstraints(min_length=1, max_length=1000), AfterValidator(_regular)
]
