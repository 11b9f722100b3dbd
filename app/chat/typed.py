"""From text to the types that a template accepts: in a chat everything is typed. Pure."""

import json
from typing import Any, Final, NamedTuple

from app.chat.grammar import LISTS
from runner.accepts import TYPES, Type
from runner.template import Template

TRUE: Final = frozenset({"true", "yes", "on", "1"})
FALSE: Final = frozenset({"false", "no", "off", "0"})
#: Options of a run that are no text, and their types.
OPTIONS: Final[dict[str, Type]] = {
    "limit": "string",
    "ref": "string",
    "tags": "list",
    "skip_tags": "list",
    "check": "boolean",
    "diff": "boolean",
    "verbosity": "integer",
}


class Given(NamedTuple):
    """What somebody gives to one run."""

    vars: dict[str, Any]
    overrides: dict[str, Any]


def given(template: Template, values: tuple[tuple[str, str], ...]) -> Given:
    """Tell variables from options, each in its type.

    A name that the template accepts is a variable's. What cannot be of its type stays text, and is
    refused by the template's own check.
    """
    variables: dict[str, Any] = {}
    overrides: dict[str, Any] = {}
    for name, text in values:
        if name in template.accepts:
            variables[name] = convert(text, template.accepts[name].type)
        elif name in OPTIONS:
            overrides[name] = (
                [each for each in text.split(",") if each]
                if name in LISTS
                else convert(text, OPTIONS[name])
            )
        else:
            variables[name] = text
    return Given(variables, overrides)


def convert(text: str, kind: Type) -> Any:
    """Read *text* as *kind*; as it is when it is none."""
    match kind:
        case "boolean" if text.lower() in TRUE | FALSE:
            return text.lower() in TRUE
        case "list" if not text.lstrip().startswith("["):
            return [each.strip() for each in text.split(",") if each.strip()]
        case "integer" | "number" | "list" | "object":
            return _read(text, TYPES[kind])
        case _:
            return text


def _read(text: str, wanted: tuple[type, ...]) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, wanted) and not isinstance(value, bool) else text
