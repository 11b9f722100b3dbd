"""The form of a run, made of what its template accepts and lets callers override. Pure."""

import json
from dataclasses import dataclass
from typing import Any, Final

#: What each override is: the kind of its field and what is said beside it.
OVERRIDES: Final = {
    "limit": ("string", "hosts or groups, as --limit has it"),
    "tags": ("words", "separated by commas"),
    "skip_tags": ("words", "separated by commas"),
    "check": ("boolean", "predict changes, make none"),
    "diff": ("boolean", "show differences of files"),
    "verbosity": ("integer", "0 to 6"),
    "ref": ("string", "branch, tag or commit"),
}
LABELS: Final = {"skip_tags": "skip tags", "check": "check mode", "diff": "diff mode"}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One of a field's choices, as JSON and as it is read."""

    value: str
    label: str
    is_default: bool


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field."""

    #: As the API names it when it refuses it: vars.version, limit.
    path: str
    name: str
    #: string, integer, number, boolean, list, object or words.
    kind: str
    is_secret: bool = False
    is_required: bool = False
    #: As it is typed; None when there is none.
    default: str | None = None
    choices: tuple[Choice, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    max_length: int | None = None
    hint: str = ""


def fields(spec: dict[str, Any]) -> list[Field]:
    """Make the fields of a template's *spec*: variables first, then overrides."""
    accepted = [_variable(name, rule) for name, rule in spec.get("accepts", {}).items()]
    accepted.sort(key=_rank)
    options = spec.get("options", {})
    return accepted + [_override(name, options) for name in spec.get("overrides", [])]


def _rank(field: Field) -> tuple[bool, bool, str]:
    """What is needed comes first, what takes room last: Postgres keeps no order of its own."""
    return not field.is_required, field.kind in ("list", "object"), field.name


def _variable(name: str, rule: dict[str, Any]) -> Field:
    default = rule.get("default")
    kind = rule["type"]
    return Field(
        path=f"vars.{name}",
        name=name,
        kind=kind,
        is_secret=rule.get("secret", False),
        is_required=rule.get("required", False),
        default=None if default is None else _typed(default, kind),
        choices=_choices(rule, default),
        minimum=rule.get("minimum"),
        maximum=rule.get("maximum"),
        max_length=rule.get("max_length"),
        hint=_hint(rule),
    )


def _choices(rule: dict[str, Any], default: Any) -> tuple[Choice, ...]:
    return tuple(
        Choice(value=json.dumps(each), label=str(each), is_default=each == default)
        for each in rule.get("choices") or ()
    )


def _typed(default: Any, kind: str) -> str:
    if kind == "string":
        return str(default)
    return json.dumps(default, ensure_ascii=False, indent=2 if kind in ("list", "object") else None)


def _hint(rule: dict[str, Any]) -> str:
    """Say what the API will look at, where the field itself does not."""
    low, high = rule.get("minimum"), rule.get("maximum")
    said = [rule["type"]]
    if low is not None and high is not None:
        said.append(f"{low} to {high}")
    elif low is not None:
        said.append(f"{low} or more")
    elif high is not None:
        said.append(f"{high} or less")
    if pattern := rule.get("pattern"):
        said.append(f"must match {pattern}")
    if longest := rule.get("max_length"):
        what = "items" if rule["type"] == "list" else "characters"
        said.append(f"up to {longest} {what}")
    if rule.get("secret"):
        said.append("secret: never shown again")
    if rule["type"] in ("list", "object"):
        said[0] += " as JSON"
    return ", ".join(said)


def _override(name: str, options: dict[str, Any]) -> Field:
    kind, hint = OVERRIDES[name]
    now = options.get(name)
    if now is not None:
        hint += f"; the template says {', '.join(now) if isinstance(now, list) else _said(now)}"
    least, most = (0, 6) if kind == "integer" else (None, None)
    label = LABELS.get(name, name)
    return Field(path=name, name=label, kind=kind, hint=hint, minimum=least, maximum=most)


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
