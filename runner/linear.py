"""Regular expressions that take a time linear in the text, whatever the text is.

By Rust's engine, which pydantic brings: Python's `(a+)+b` takes for ever.
"""

import re
from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, core_schema


@lru_cache(maxsize=1024)
def compiled(expression: str) -> SchemaValidator:
    """Compile *expression*. Raise ValueError when it is none, or has look-around in it."""
    try:
        return SchemaValidator(core_schema.str_schema(pattern=expression))
    except SchemaError as error:
        reason = re.sub(r"\s+", " ", str(error).rpartition("error:")[2]).strip()
        raise ValueError(f"does not compile: {reason[:200]}") from None


def found(expression: str, text: str) -> bool:
    """Whether *expression* is found in *text*."""
    return compiled(expression).isinstance_python(text)


def whole(expression: str) -> str:
    """Write an expression that holds for a whole text. Raise ValueError."""
    compiled(expression)  # `a)|(b` is one in a group only
    return rf"\A(?:{expression})\z"
