"""What a filter of the page asks for, read as the API reads it."""

from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError

from app.faults import faults_of
from app.problems import invalid
from runner.storable import unstorable

M = TypeVar("M", bound=BaseModel)


def read_filter(model: type[M]) -> M:
    """Read the query. A field that was left empty filters nothing. Raise a 422 problem."""
    given: dict[str, Any] = {}
    for name, texts in request.args.lists():
        kept = [text for text in texts if text]
        declared = model.model_fields.get(name)
        is_list = declared is not None and getattr(declared.annotation, "__origin__", None) is list
        if kept:
            given[name] = kept if is_list else kept[0]
    if faults := unstorable(given):
        raise invalid(faults)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid(faults_of(error)) from None
