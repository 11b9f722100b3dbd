"""The variables and the ref of a run that an event starts: only what the hook maps. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Discriminator, Field, JsonValue, Tag

from app.hooks import content as look
from app.hooks.body import Content
from app.hooks.event import FACTS, Event
from app.hooks.rules import value_at
from runner.strict import SHAPE, Strict

#: What begins the name of a fact, so that it is not taken for a value.
FACT: Final = "event."


def _source(text: str) -> str:
    if text.removeprefix(FACT) in FACTS and text.startswith(FACT):
        return text
    if look.POINTER.fullmatch(text):
        return text
    raise ValueError(
        "must be a JSON pointer (/head_commit/id) or event. and one of "
        f'{", ".join(sorted(FACTS))}; a value of your own is written as {{"value": …}}'
    )


#: Where a value comes from.
Source = Annotated[str, Field(max_length=500), AfterValidator(_source)]


class Constant(Strict):
    """A value that is the same for all events."""

    value: JsonValue


def _shape(value: object) -> str:
    return f"{SHAPE}{'source' if isinstance(value, str) else 'constant'}"


#: Where a variable comes from.
Origin = Annotated[
    Annotated[Source, Tag(f"{SHAPE}source")] | Annotated[Constant, Tag(f"{SHAPE}constant")],
    Discriminator(_shape),
]


def extract(
    mapping: Mapping[str, str | Constant], event: Event, content: Content
) -> dict[str, Any]:
    """Take the variables out of what has come. What is not there, or null, is left out."""
    found = {
        name: source.value if isinstance(source, Constant) else taken(source, event, content)
        for name, source in mapping.items()
    }
    return {name: value for name, value in found.items() if value is not None}


def taken(source: str, event: Event, content: Content) -> Any:
    """The value that is there; None where there is none."""
    value = value_at(source.removeprefix(FACT), event, content)
    if value is look.MISSING:
        return None
    return list(value) if isinstance(value, tuple) else value
