"""Rules: for which events a hook runs its template, as the hook says. Pure.

A fact that nobody knows is neither true nor false: a sender that does not list the changed paths
must not make a hook silent. What stays unknown at the end counts as a match.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator, Discriminator, Field, JsonValue, Tag

from app.hooks import content as look
from app.hooks import globs
from app.hooks.body import Content
from app.hooks.event import FACTS, Event
from app.hooks.globs import Expression, Glob
from runner import linear
from runner.strict import SHAPE, Strict

DEEPEST: Final = 10
#: Not told by many senders, or not all of it. Of other facts a missing one is another value: a
#: rule about who has pushed must not hold because nobody says it.
MAY_BE_UNTOLD: Final = frozenset({"paths"})


class Finding(NamedTuple):
    """What a rule says of an event."""

    #: None: what it looks at is not known.
    holds: bool | None
    #: What is so, if it holds; what is not, if it does not.
    why: str


def _place(name: str) -> str:
    """Take the name of a fact or a JSON pointer into what the sender has sent."""
    if name not in FACTS and not look.POINTER.fullmatch(name):
        raise ValueError(f"is neither a JSON pointer (/…) nor one of {', '.join(sorted(FACTS))}")
    return name


Place = Annotated[str, Field(max_length=500), AfterValidator(_place)]
Scalar = Annotated[str, Field(max_length=1000)] | bool | int | float | None


def _patterns_shape(value: object) -> str:
    return f"{SHAPE}{'one' if isinstance(value, str) else 'some'}"


#: One glob, or some of which one must match.
Patterns = Annotated[
    Annotated[Glob, Tag(f"{SHAPE}one")]
    | Annotated[list[Glob], Field(min_length=1, max_length=200), Tag(f"{SHAPE}some")],
    Discriminator(_patterns_shape),
]


class All(Strict):
    """Holds if every one of these does."""

    all: Annotated[list["Rule"], Field(min_length=1, max_length=50)]


class Either(Strict):
    """Holds if one of these does."""

    any: Annotated[list["Rule"], Field(min_length=1, max_length=50)]


class Not(Strict):
    """Holds if the other does not."""

    negated: "Rule" = Field(alias="not")


class Equals(Strict):
    """Holds if each of these places has exactly this value."""

    equals: Annotated[dict[Place, Scalar], Field(min_length=1, max_length=20)]


class OneOf(Strict):
    """Holds if each of these places has one of its values."""

    one_of: Annotated[
        dict[Place, Annotated[list[Scalar], Field(min_length=1, max_length=200)]],
        Field(min_length=1, max_length=20, alias="in"),
    ]


class Globs(Strict):
    """Holds if each of these places has a text that the pattern matches."""

    glob: Annotated[
        dict[Place, Patterns],
        Field(min_length=1, max_length=20),
    ]


class Matches(Strict):
    """Holds if the regular expression is found in each of these places."""

    matches: Annotated[dict[Place, Expression], Field(min_length=1, max_length=20)]


def _shape(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((f"{SHAPE}{name}" for name in KINDS if name in value), None)
    return next((f"{SHAPE}{name}" for name, kind in KINDS.items() if type(value) is kind), None)


KINDS: Final[Mapping[str, type[Strict]]] = {
    "all": All,
    "any": Either,
    "not": Not,
    "equals": Equals,
    "in": OneOf,
    "glob": Globs,
    "matches": Matches,
}

Rule = Annotated[
    Annotated[All, Tag(f"{SHAPE}all")]
    | Annotated[Either, Tag(f"{SHAPE}any")]
    | Annotated[Not, Tag(f"{SHAPE}not")]
    | Annotated[Equals, Tag(f"{SHAPE}equals")]
    | Annotated[OneOf, Tag(f"{SHAPE}in")]
    | Annotated[Globs, Tag(f"{SHAPE}glob")]
    | Annotated[Matches, Tag(f"{SHAPE}matches")],
    Discriminator(
        _shape,
        custom_error_type="unknown_rule",
        custom_error_message="must be one of all, any, not, equals, in, glob, matches",
    ),
]


def depth(rule: Rule) -> int:
    """Tell how deeply rules are nested."""
    match rule:
        case All():
            return 1 + max(map(depth, rule.all))
        case Either():
            return 1 + max(map(depth, rule.any))
        case Not():
            return 1 + depth(rule.negated)
        case _:
            return 1


def judge(rule: Rule, event: Event, content: Content) -> Finding:
    """Tell whether *rule* holds, and why."""
    match rule:
        case All():
            return _all([judge(each, event, content) for each in rule.all])
        case Either():
            return _either([judge(each, event, content) for each in rule.any])
        case Not():
            holds, why = judge(rule.negated, event, content)
            return Finding(None if holds is None else not holds, why)
        case Equals():
            pairs = rule.equals.items()
            return _all([_one_of(place, [value], event, content) for place, value in pairs])
        case OneOf():
            return _all([_one_of(*each, event, content) for each in rule.one_of.items()])
        case Globs():
            return _all([_globs(*each, event, content) for each in rule.glob.items()])
        case Matches():
            return _all([_matches(*each, event, content) for each in rule.matches.items()])


def _all(findings: Sequence[Finding]) -> Finding:
    """False if one is, else unknown if one is."""
    for wanted in (False, None):
        if found := [each for each in findings if each.holds is wanted]:
            return found[0]
    return Finding(True, "; ".join(each.why for each in findings))


def _either(findings: Sequence[Finding]) -> Finding:
    """True if one is, else unknown if one is."""
    for wanted in (True, None):
        if found := [each for each in findings if each.holds is wanted]:
            return found[0]
    return Finding(False, "; ".join(each.why for each in findings))


def value_at(place: str, event: Event, content: Content) -> object:
    """What is at the place; MISSING where the content has nothing there."""
    return look.find(content, place) if place.startswith("/") else event.facts()[place]


def _values(place: str, event: Event, content: Content) -> list[Any] | None:
    """What a rule looks at there; None where it is not known."""
    value = value_at(place, event, content)
    if value is None and place in MAY_BE_UNTOLD:
        return None
    return list(value) if isinstance(value, tuple | list) else [value]


def _one_of(place: str, wanted: Sequence[Scalar], event: Event, content: Content) -> Finding:
    values = _values(place, event, content)
    found = values and any(_is_same(value, each) for value in values for each in wanted)
    return _finding(place, values, found, "in", ", ".join(_shown(each) for each in wanted))


def _globs(place: str, wanted: str | Sequence[str], event: Event, content: Content) -> Finding:
    patterns = [wanted] if isinstance(wanted, str) else list(wanted)
    values = _values(place, event, content)
    found = values and any(
        isinstance(value, str) and globs.matches_any(patterns, value) for value in values
    )
    return _finding(place, values, found, "in", ", ".join(patterns))


def _matches(place: str, expression: str, event: Event, content: Content) -> Finding:
    values = _values(place, event, content)
    found = values and any(
        isinstance(value, str) and linear.found(expression, value) for value in values
    )
    return _finding(place, values, found, "matching", expression)


def _finding(
    place: str, values: list[Any] | None, holds: object, relation: str, wanted: str
) -> Finding:
    if values is None:
        return Finding(None, f"{place} is not known")
    shown = ", ".join(_shown(value) for value in values[:3]) or "(nothing)"
    more = ", …" if len(values) > 3 else ""
    link = relation if holds else f"not {relation}"
    return Finding(bool(holds), f"{place} {shown}{more} {link} {wanted}")


def _is_same(value: object, wanted: JsonValue) -> bool:
    """Whether they are equal and of one type: JSON's true is not 1."""
    return type(value) is type(wanted) and value == wanted


def _shown(value: object) -> str:
    """A value for a person to read, in a bounded length."""
    if value is look.MISSING or value is None:
        return "(nothing)"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 100 else f"{text[:100]}…"
