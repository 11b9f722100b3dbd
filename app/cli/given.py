"""What a person gives a run with -e, as the types that the template accepts.

`-e key=value`, `-e '{"key": …}'` and `-e @file.yml`, as ansible-playbook has it; the last counts.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.cli.errors import WrongUsage

TRUE = ("true", "yes", "on", "1")
FALSE = ("false", "no", "off", "0")

Rules = Mapping[str, Mapping[str, Any]]


def read(given: Sequence[str], accepts: Rules) -> dict[str, Any]:
    """Read every -e. Raise WrongUsage naming what cannot be read; values are not repeated."""
    values: dict[str, Any] = {}
    for each in given:
        if each.startswith("@"):
            values |= _of_file(each[1:])
        elif each.lstrip().startswith("{"):
            values |= _mapping(_json(each, "-e"), "-e")
        else:
            name, equals, text = each.partition("=")
            if not equals or not name.isidentifier():
                raise WrongUsage("-e takes name=value, {JSON} or @FILE")
            values[name] = typed(name, text, accepts.get(name, {}))
    return values


def typed(name: str, text: str, rule: Mapping[str, Any]) -> Any:
    """Read *text* as what the template accepts for *name*. Raise WrongUsage if it is none."""
    match rule.get("type", "string"):
        case "integer":
            return _number(name, text, int, "a whole number: 3")
        case "number":
            return _number(name, text, _integer_or_float, "a number: 2.5")
        case "boolean":
            if text.lower() not in TRUE + FALSE:
                raise WrongUsage(f"{name} is a boolean: true or false")
            return text.lower() in TRUE
        case "list":
            return _list(name, text)
        case "object":
            return _mapping(_json(text, name), name)
    return text


def _number(name: str, text: str, read_one: Any, form: str) -> int | float:
    try:
        if "_" in text or text != text.strip():  # Python takes these besides
            raise ValueError
        number: int | float = read_one(text)
        return number
    except ValueError:
        raise WrongUsage(f"{name} is {form}") from None


def _integer_or_float(text: str) -> int | float:
    number = json.loads(text, parse_constant=_no_constant)
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise ValueError
    return number


def _no_constant(_: str) -> None:
    raise ValueError


def _list(name: str, text: str) -> list[Any]:
    if not text.lstrip().startswith("["):
        return text.split(",") if text else []
    items = _json(text, name)
    if not isinstance(items, list):
        raise WrongUsage(f'{name} is a list: a,b or ["a", "b"]')
    return items


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError:
        raise WrongUsage(f"{name} is no JSON") from None


def _mapping(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise WrongUsage(f"{place} is no mapping of names to values")
    return value


def _of_file(name: str) -> dict[str, Any]:
    """Read YAML, or JSON, which is YAML too; `-` is standard input."""
    from app.cli.declared.yaml import Unreadable, load_plain

    try:
        text = sys.stdin.read() if name == "-" else Path(name).read_text()
        return _mapping(load_plain(text, name), f"@{name}")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(f"{name} cannot be read: {error}") from None
    except Unreadable as error:
        raise WrongUsage(str(error)) from None


def missing_secrets(values: Mapping[str, Any], accepts: Rules) -> list[str]:
    """The secret variables that a run needs and that were not given."""
    return [
        name
        for name, rule in accepts.items()
        if rule.get("secret") and rule.get("required") and name not in values
    ]
