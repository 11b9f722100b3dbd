"""What is wrong with what was given, in words that callers know; no value is repeated. Pure."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from runner.strict import SHAPE
from runner.words import FORMS

#: Where a fault is: keys, and numbers of items.
Way = tuple[str | int, ...]

#: Pydantic's kinds of faults that we have shorter words for.
PLAIN = {
    "extra_forbidden": "is not known here",
    "missing": "is required",
    "model_type": "must be an object",
}

#: The field of faults that pydantic finds in the whole body.
FIELDS = {"unknown_kind": "kind", "unknown_sender": "sender"}


def located(error: ValidationError) -> list[tuple[Way, str]]:
    """Tell where each fault is and what it is."""
    return [
        (_way(fault), _say(fault)) for fault in error.errors(include_input=False, include_url=False)
    ]


def faults_of(error: ValidationError) -> list[tuple[str, str]]:
    """Name fields and messages."""
    return [(".".join(map(str, way)), message) for way, message in located(error)]


def _way(fault: ErrorDetails) -> Way:
    parts = (part for part in fault["loc"] if part != "[key]" and not str(part).startswith(SHAPE))
    way = tuple(parts)
    return way or ((FIELDS[fault["type"]],) if fault["type"] in FIELDS else ())


def _say(fault: ErrorDetails) -> str:
    pattern = fault.get("ctx", {}).get("pattern")
    plain = PLAIN.get(fault["type"]) or FORMS.get(str(pattern))
    return plain or fault["msg"].removeprefix("Value error, ")
