"""The kinds of values that requests are made of, checked."""

import re
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints

from runner.storable import BIGGEST


def digits(text: object) -> object:
    """Refuse what int() takes besides: spaces, signs, underscores, a point."""
    if isinstance(text, str) and not re.fullmatch("[0-9]{1,19}", text):
        raise ValueError("must be a whole number, 0 or more")
    return text


def _rfc3339(text: object) -> object:
    """Refuse what pydantic takes besides: seconds since 1970, a date alone."""
    if isinstance(text, str) and not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]", text):
        raise ValueError("must be a time as RFC 3339 has it: 2026-11-21T10:00:00Z")
    return text


#: The check stands before the limits: behind it pydantic would not know them for a schema's.
Limit = Annotated[int, Field(ge=1, le=500, description="how many at most"), BeforeValidator(digits)]
RunId = Annotated[int, Field(ge=1, le=BIGGEST), BeforeValidator(digits)]
EventId = Annotated[int, Field(ge=0, le=BIGGEST), BeforeValidator(digits)]
Number = Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(digits)]
Time = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]
Reason = Annotated[str, StringConstraints(max_length=1000)]
