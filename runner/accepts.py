"""What a template lets a caller set: one rule a variable. Pure; nothing is ever converted."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from runner import linear
from runner.storable import unstorable

Type = Literal["string", "integer", "number", "boolean", "list", "object"]
Choice = Annotated[str, Field(max_length=1000)] | int | float

#: What JSON has for each type. A boolean is no integer, and "5" is none either.
TYPES: dict[Type, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
}

#: Characters of a string and items of a list whose rule names no max_length.
LONGEST = 10_000

#: The limits that make sense only for some types.
APPLIES: dict[str, tuple[Type, ...]] = {
    "choices": ("string", "integer", "number"),
    "pattern": ("string",),
    "minimum": ("integer", "number"),
    "maximum": ("integer", "number"),
    "max_length": ("string", "list"),
}


class Rule(BaseModel):
    """What one variable may be."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    type: Type
    required: bool = Field(default=False, description="a run without it is refused")
    default: JsonValue = Field(default=None, description="used when the caller does not give it")
    choices: Annotated[list[Choice], Field(min_length=1, max_length=1000)] | None = None
    pattern: Annotated[str, Field(min_length=1, max_length=1000)] | None = Field(
        default=None,
        description="a regular expression for the whole value; of the kind that takes linear time:"
        " neither look-around nor back references",
    )
    minimum: int | float | None = None
    maximum: int | float | None = None
    max_length: Annotated[int, Field(ge=0, le=1_000_000)] | None = Field(
        default=None,
        description=f"characters of a string, items of a list; {LONGEST} unless given",
    )
    secret: bool = Field(
        default=False, description="encrypted at rest, never shown, masked in the output"
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        for limit, types in APPLIES.items():
            if getattr(self, limit) is not None and self.type not in types:
                raise ValueError(f"{limit} is for a {' or '.join(types)}, not for a {self.type}")
        if self.pattern is not None:
            _require_compiling(self.pattern)
        if self.secret and (self.default is not None or self.choices):
            raise ValueError("a secret has neither default nor choices: who reads this knows them")
        if self.required and self.default is not None:
            raise ValueError("what is required needs no default")
        for choice in self.choices or []:
            if fault := self.fault(choice):
                raise ValueError(f"one of its choices {fault}")
        if self.default is not None and (fault := self.fault(self.default)):
            raise ValueError(f"its default {fault}")
        return self

    def fault(self, value: JsonValue) -> str | None:
        """Tell what is wrong with *value*, without repeating it; None if nothing is."""
        if not isinstance(value, TYPES[self.type]) or (
            isinstance(value, bool) and self.type != "boolean"
        ):
            return f"must be {_article(self.type)}"
        if faults := unstorable(value):
            return faults[0][1]
        if self.choices is not None and value not in self.choices:
            return "must be one of the template's choices"
        if isinstance(value, int | float):
            return self._range_fault(value)
        longest = LONGEST if self.max_length is None else self.max_length
        if isinstance(value, str | list) and len(value) > longest:
            return f"must not be longer than {longest}"
        if isinstance(value, str) and self.pattern is not None:
            return _pattern_fault(self.pattern, value)
        return None

    def _range_fault(self, value: int | float) -> str | None:
        if self.minimum is not None and value < self.minimum:
            return f"must be {self.minimum} or more"
        if self.maximum is not None and value > self.maximum:
            return f"must be {self.maximum} or less"
        return None


def _article(name: Type) -> str:
    return f"an {name}" if name in ("integer", "object") else f"a {name}"


def _require_compiling(pattern: str) -> None:
    try:
        linear.whole(pattern)
    except ValueError as error:
        raise ValueError(f"pattern {error}") from None


def _pattern_fault(pattern: str, value: str) -> str | None:
    return None if linear.found(linear.whole(pattern), value) else f"must match {pattern}"
